# make demo: install, then run the main job on a small data set that the package makes.
# make test: install, then lint, types, tests. make test-all adds the long ones and branch coverage.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install demo test test-all lint docs chromium clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[demo,dev,models]'
	@touch $@

# What the demonstration's runs and the tests of real trainers need beside it: TRL.
.venv/installed-trainers: .venv/installed
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[demo,dev,models,rl]'
	@touch $@

demo: .venv/installed-trainers
	$(BIN)/sft-audit demo

# A worker a core: torch's own threads would only wait for each other.
test: .venv/installed-trainers chromium lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile -m "not long"

test-all: .venv/installed-trainers chromium lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile --cov --cov-report=term:skip-covered

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The pages generated from the code: checks, tables, formats, command line.
docs: install
	$(BIN)/python docs/generate.py

# A real browser for the report's tests, where one can be installed without asking.
chromium:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
		echo "no chromium: the report's browser tests will be skipped"

clean:
	rm -rf .venv build dist sft-audit-demo audit

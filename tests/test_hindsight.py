"""How the gate would have judged past runs: planted thresholds are found again, noise is not believed."""

import csv
import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from audits import piece, sound, write_audit

from sft_audit.errors import AuditError
from sft_audit.hindsight import Hindsight, PastRun, _correlation, look_back, read_runs
from sft_audit.policy import load_policy

TODAY = date(2026, 6, 1)
PLANTED = {"GRD202": 0.30, "PRF302": 0.12}


def judged(runs: list[PastRun], tmp_path: Path, rules: list | None = None) -> Hindsight:
    own = tmp_path / "policy.yaml"
    own.write_text(json.dumps({"rules": rules or []}))
    return look_back(runs, load_policy(own), TODAY)


@pytest.fixture(scope="module")
def sixty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 60 runs: bad beyond a planted threshold of either of two checks, in 3 runs against it."""
    folder, rng = tmp_path_factory.mktemp("sixty"), np.random.default_rng(7)
    rows = []
    for n in range(60):
        blind, marked, noise = rng.uniform(0, 0.6), rng.uniform(0, 0.2), rng.uniform(0, 0.05)
        bad = (blind > PLANTED["GRD202"] or marked > PLANTED["PRF302"]) != (n in (10, 30, 50))
        found = {
            code: piece(code, round(10_000 * share), 10_000, 10_000)
            for code, share in (("GRD202", blind), ("PRF302", marked), ("DUP601", noise))
        }
        data = write_audit(folder / f"data{n}", sound(**found))
        reward = write_audit(folder / f"reward{n}", [piece("RWD101", 0, 100, None)])
        rows.append({"name": f"run {n}", "audit": f"{data}; {reward}", "outcome": "bad" if bad else "good"})
    with (folder / "runs.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["name", "audit", "outcome"])
        writer.writeheader()
        writer.writerows(rows)
    return folder / "runs.csv"


def test_planted_thresholds_lie_in_their_intervals(sixty: Path, tmp_path: Path) -> None:
    seen = judged(list(read_runs(sixty)), tmp_path)
    found = {one.rule.check: one for one in seen.thresholds}
    assert set(found) == {*PLANTED, "DUP601"}
    for code, planted in PLANTED.items():
        one = found[code]
        assert one.low <= planted <= one.high
        assert one.low <= one.best <= one.high
        assert one.high - one.low < planted
        assert one.good + one.bad == 60
        assert seen.advice(one) == f"move to {one.best:.3g}"
    assert seen.advice(found["DUP601"]) == "does not tell good from bad here"


def test_a_limit_in_the_interval_stands(sixty: Path, tmp_path: Path) -> None:
    rules = [{"check": code, "block_above": limit} for code, limit in PLANTED.items()]
    seen = judged(list(read_runs(sixty)), tmp_path, rules)
    assert [seen.advice(one) for one in seen.thresholds if one.rule.check in PLANTED] == ["keep", "keep"]
    # Three outcomes of 60 go against the rules that made the others.
    missed = [one.run.name for one in seen.runs if (one.gate.outcome == "BLOCK") != one.bad]
    assert missed == ["run 10", "run 30", "run 50"]
    assert seen.caught.k + (seen.stopped.n - seen.stopped.k) == 57
    assert seen.caught.low < seen.caught.value < seen.caught.high
    assert seen.rank.rho > 0.8
    assert seen.rank.low < seen.rank.rho < seen.rank.high
    assert seen.rank.p < 0.001
    assert sum(seen.count(o, bad=b) for o in ("PASS", "REVIEW", "UNKNOWN", "BLOCK") for b in (0, 1)) == 60


def test_without_any_relation_nothing_is_believed(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    runs = [
        PastRun(str(n), (write_audit(tmp_path / str(n), sound(GRD202=piece("GRD202", k))),), float(n % 2))
        for n, k in enumerate(rng.integers(0, 600, 40).tolist())
    ]
    seen = judged(runs, tmp_path)
    assert [seen.advice(one) for one in seen.thresholds] == ["does not tell good from bad here"]
    assert seen.rank.low < 0 < seen.rank.high
    assert seen.rank.p > 0.05


def test_the_planted_threshold_is_covered_in_most_of_many_draws() -> None:
    """Whatever the seed: 40 sets of 60 runs, one in twenty outcomes against the rule."""
    from types import SimpleNamespace

    from sft_audit.hindsight import JudgedRun, _threshold
    from sft_audit.interval import Rate
    from sft_audit.policy import Evidence, Rule

    rng, rule, covered = np.random.default_rng(0), Rule(check="GRD202"), 0
    for _ in range(40):
        shares = rng.uniform(0, 0.6, 60)
        bad = (shares > 0.3) ^ (rng.random(60) < 0.05)
        runs = []
        for share, kind in zip(shares, bad, strict=True):
            rate = Rate(round(1e4 * share), 10_000, 10_000)
            evidence = Evidence("GRD202", "blind-solvable", "blindness", "gathered", False, rate, rate.k)
            reason = SimpleNamespace(ruling=SimpleNamespace(rule=rule), evidence=evidence)
            runs.append(JudgedRun(None, bool(kind), SimpleNamespace(rulings=[reason])))
        found = _threshold(rule, runs)
        covered += found.low <= 0.3 <= found.high
    assert covered >= 36


def test_numbers_are_outcomes_too_and_the_median_parts_them(tmp_path: Path) -> None:
    runs = [
        PastRun(str(n), (write_audit(tmp_path / str(n), sound(INT102=piece("INT102", k))),), outcome)
        for n, (k, outcome) in enumerate([(0, 0.9), (0, 0.8), (50, 0.2), (50, 0.1)])
    ]
    seen = judged(runs, tmp_path)
    assert (seen.good_from, seen.caught.k, seen.caught.n, seen.stopped.k) == (0.5, 2, 2, 0)
    higher = look_back(runs, load_policy(None), TODAY, good_from=0.85)
    assert [one.bad for one in higher.runs] == [False, True, True, True]
    assert [one.rule.check for one in seen.thresholds] == ["INT102"]
    assert 0 < seen.thresholds[0].best < 0.05


def test_the_correlation_is_that_of_scipy() -> None:
    from scipy.stats import spearmanr

    verdicts, outcomes = [0, 0, -1, -3, -3, -2, 0, -1], [9.0, 8, 8, 1, 2, 5, 4, 6]
    found = _correlation(verdicts, outcomes)
    exact = spearmanr(verdicts, outcomes)
    assert found.rho == pytest.approx(exact.statistic)
    assert found.p == pytest.approx(exact.pvalue, abs=0.02)
    assert _correlation([0, 0], [1.0, 2]) is None
    assert _correlation([0, -1], [1.0, 1]) is None


def test_runs_are_read_from_json_lines(tmp_path: Path) -> None:
    table = tmp_path / "runs.jsonl"
    table.write_text(
        '{"audit": "a;b", "outcome": "Good"}\n\n{"audit": "c", "outcome": 0.5, "name": "third"}\n'
    )
    assert read_runs(table) == (
        PastRun("a;b", (Path("a"), Path("b")), 1.0),
        PastRun("third", (Path("c"),), 0.5),
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("runs.csv", "audit,outcome\n", "no run stands in it"),
        ("runs.csv", "folder,outcome\na,good\n", "runs.csv:2: no audit folder"),
        ("runs.csv", "audit,outcome\na\n", "outcome None; write good, bad or a number"),
        ("runs.csv", "audit,outcome\na,nan\n", "write good, bad or a number"),
        ("runs.csv", "audit,outcome\na,fine\n", "runs.csv:2: outcome 'fine'"),
        ("runs.jsonl", "[1]\n", "runs.jsonl:1: not a JSON object"),
        ("runs.jsonl", '{"audit": 3}\n', "no audit folder"),
        ("runs.jsonl", "\xff", "not UTF-8"),
    ],
)
def test_a_wrong_table_is_one_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(AuditError, match=message) as fault:
        read_runs(tmp_path / name)
    assert "\n" not in str(fault.value)


def test_a_table_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="give a table of runs"):
        read_runs(tmp_path / "none.csv")

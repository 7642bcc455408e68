"""One synthetic audit, reported once for the tests that only read it."""

from pathlib import Path

import pytest

from . import synthetic


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    store = synthetic.make(folder)
    synthetic.report(folder, store, synthetic.outcome(store), synthetic.config())
    store.close()
    return folder


@pytest.fixture(scope="session")
def page(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")

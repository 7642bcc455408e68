"""The data set of mugs, audited once."""

from pathlib import Path

import pytest
from mugs import audited, make_rows


@pytest.fixture(scope="session")
def mugs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the data set: rows.json, images and audit."""
    folder = tmp_path_factory.mktemp("mugs")
    audited(folder, make_rows(folder / "images"))
    return folder

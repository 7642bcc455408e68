"""Generated pages are what the code says."""

import importlib.util
from pathlib import Path

from typer.main import get_command

from sft_audit.cli import app

DOCS = Path(__file__).parents[1] / "docs"


def test_no_generated_page_is_stale() -> None:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert generate.stale() == [], "run `make docs` and read the difference"


def test_every_command_stands_in_the_readme() -> None:
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert [name for name in get_command(app).commands if f"sft-audit {name}" not in readme] == []

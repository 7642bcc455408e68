"""Write the generated pages of this folder; `python docs/generate.py --check` only says which are stale."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from sft_audit.report.pages import all_pages

HERE = Path(__file__).parent


def stale() -> list[str]:
    """Return the pages whose file is not what the code says, and the files that no code makes any more."""
    pages = _pages()
    made = {str(path.relative_to(HERE)) for path in HERE.glob("checks/*.md")}
    changed = [name for name, text in pages.items() if _read(HERE / name) != text]
    return sorted([*changed, *(made - set(pages))])


def write() -> None:
    """Write every page and remove those that no code makes any more."""
    pages = _pages()
    (HERE / "checks").mkdir(exist_ok=True)
    for path in HERE.glob("checks/*.md"):
        if str(path.relative_to(HERE)) not in pages:
            path.unlink()
    for name, text in pages.items():
        (HERE / name).write_text(text, encoding="utf-8")


def _pages() -> Mapping[str, str]:
    return {**all_pages(), "cli.md": _cli_page()}


def _cli_page() -> str:
    """Return the help of every command, as it is printed in 100 columns."""
    os.environ["TERMINAL_WIDTH"] = os.environ["COLUMNS"] = "100"
    from typer.main import get_command
    from typer.testing import CliRunner

    from sft_audit.cli import app

    lines = ["# Command line"]
    for names in _commands(get_command(app)):
        shown = CliRunner().invoke(app, [*names, "--help"], prog_name="sft-audit").output.strip()
        lines += [
            "",
            f"## {' '.join(('sft-audit', *names))}",
            "",
            "```",
            *(line.rstrip() for line in shown.splitlines()),
            "```",
        ]
    return "\n".join(lines) + "\n"


def _commands(command: object, names: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words that lead to a command and to each of its own."""
    yield names
    for name, one in getattr(command, "commands", {}).items():
        yield from _commands(one, (*names, name))


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(f"stale: {', '.join(stale())}; run `make docs`" if stale() else 0)
    write()

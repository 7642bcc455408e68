"""The command line: parse, call, print, exit."""

import json
import sys
from datetime import datetime  # noqa: F401
from pathlib import Path
from typing import Annotated, Literal, Optional

import typer

from sft_audit.errors import AuditError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Audit what SFT teaches before reinforcement learning is paid to amplify it.",
)


@app.command()
def data(
    paths: Annotated[list[Path], typer.Argument(metavar="DATA...", help="Files or folders of the data set.")],
    images: Annotated[Path | None, typer.Option(help="Folder that image paths are relative to.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Audit folder to write.")] = None,
    select: Annotated[list[str] | None, typer.Option(help="Only these checks: a code, a name or a family.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Audit an SFT data set: what will it teach?"""
    from sft_audit.config import load_config
    from sft_audit.session import run

    report = run(load_config(None, {"data": paths, "images": images, "out": out, "select": select}))
    print(json.dumps(report.summary()))
    raise typer.Exit(report.exit_code)


@app.command()
def checks() -> None:
    """List every check."""
    from sft_audit.check import all_checks

    for one in all_checks().values():
        print(f"{one.code} {one.name}: {one.title}")


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and exit code 2."""
    try:
        app()
    except AuditError as fault:
        print(f"sft-audit: {fault}", file=sys.stderr)
        sys.exit(2)

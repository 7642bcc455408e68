"""The command line: parse, call, print, exit."""

import sys
from typing import Annotated

import typer

from sft_audit.cli import (  # noqa: F401 - they register
    chain,
    checkpoint,
    data,
    gate,
    listing,
    postmortem,
    probes,
    prompts,
    reward,
    watch,
)
from sft_audit.cli.application import app
from sft_audit.errors import AuditError

__all__ = ["app", "main"]


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from sft_audit import __version__

        print(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and exit code 2."""
    try:
        app()
    except AuditError as fault:
        print(f"sft-audit: {fault}", file=sys.stderr)
        sys.exit(2)

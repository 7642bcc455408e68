"""`sft-audit checks`, `explain` and `formats`."""

import json
from typing import Annotated

import typer

from sft_audit.cli.application import Json, app


@app.command()
def checks(json_: Json = False) -> None:
    """List every check."""
    from sft_audit.check import all_checks

    listed = all_checks().values()
    if json_:
        print(
            json.dumps(
                [{"code": c.code, "name": c.name, "severity": c.severity, "axis": c.axis} for c in listed]
            )
        )
        return
    for one in listed:
        print(f"{one.code}  {one.name:24}{'preview  ' if one.preview else ''}{one.title}")


@app.command()
def explain(code: Annotated[str, typer.Argument(help="Code or name of a check.")]) -> None:
    """Print a check's page."""
    from sft_audit.check import find_check
    from sft_audit.report.pages import check_page

    print(check_page(find_check(code)), end="")


@app.command()
def formats() -> None:
    """List every data format that can be read."""
    from sft_audit.readers import all_formats

    for one in all_formats().values():
        print(f"{one.name:18}{one.title}")

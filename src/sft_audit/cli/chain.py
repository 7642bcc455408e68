"""`sft-audit chain`."""

from pathlib import Path
from typing import Annotated

import typer

from sft_audit.cli.application import Json, app
from sft_audit.cli.console import tell


@app.command()
def chain(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML: stages, verifiers, pipeline.")],
    trajectories: Annotated[
        Path | None, typer.Option(help="JSON Lines, one step a line: rates that FILE does not give.")
    ] = None,
    json_: Json = False,
) -> None:
    """Say how often an agent pipeline fails, from the error rates of its stages, and which to mend first."""
    from sft_audit.chain import chain_error
    from sft_audit.report import chain as report

    found = chain_error(file, trajectories)
    tell(report.as_json(found) if json_ else report.summary(found))

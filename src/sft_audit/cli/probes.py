"""`sft-audit probes`."""

from pathlib import Path
from typing import Annotated

import typer

from sft_audit.cli.application import Json, app
from sft_audit.cli.console import progress, tell


@app.command()
def probes(
    audit: Annotated[Path, typer.Argument(help="Audit folder of a data set.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the pack.")] = Path("probes"),
    items: Annotated[int, typer.Option(min=1, help="How many, at most.")] = 400,
    seed: Annotated[int, typer.Option(help="Seed of the draw.")] = 0,
    sft: Annotated[list[Path] | None, typer.Option(help="SFT data in which to look for its items.")] = None,
    rl: Annotated[list[Path] | None, typer.Option(help="RL prompts in which to look for its items.")] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of those sets' images. [default: the audit's]")
    ] = None,
    json_: Json = False,
) -> None:
    """Make a frozen probe pack from a data audit: for its questions a model must look."""
    from sft_audit.probes import make_probes

    with progress():
        pack = make_probes(audit, out, items=items, seed=seed, sft=sft or (), rl=rl or (), images=images)
    if json_:
        tell(pack.summary())
    else:
        print(pack.text())

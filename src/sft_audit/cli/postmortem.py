"""`sft-audit postmortem`."""

from pathlib import Path
from typing import Annotated

import typer

from sft_audit.cli.application import FailOn, Json, PolicyFile, app
from sft_audit.cli.console import audit, show
from sft_audit.cli.watch import Config, Data, Generations, Images, Run


@app.command()
def postmortem(
    run: Run,
    data: Data = None,
    images: Images = None,
    generations: Generations = None,
    reward: Annotated[
        str | None, typer.Option(metavar="FILE.py:NAME", help="The reward function, asked what it pays for.")
    ] = None,
    trainer: Annotated[
        str | None, typer.Option(help="Trainer whose calls the function expects, if not recognised.")
    ] = None,
    sft_audit: Annotated[
        Path | None, typer.Option(help="Audit of the SFT data: rows that taught a behaviour are looked for.")
    ] = None,
    gpus: Annotated[int | None, typer.Option(min=1, help="GPUs that the run held. [default: 1]")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Audit folder to write. [default: postmortem]")
    ] = None,
    config: Config = None,
    policy: PolicyFile = None,
    fail_on: FailOn = "block",
    json_: Json = False,
) -> None:
    """Explain an RL run that failed: what did it reinforce, why, and when could that be seen?"""
    from sft_audit.config import RunConfig, load_config

    flags = {
        "run": run,
        "data": data,
        "images": images,
        "generations": generations,
        "reward": reward,
        "trainer": trainer,
        "sft_audit": sft_audit,
        "gpus": gpus,
        "out": out,
        "policy": policy,
        "explain": True,
    }
    report = audit(load_config(config, flags, RunConfig))
    show(report, as_json=json_)
    raise typer.Exit(report.review_exit_code if fail_on == "review" else report.exit_code)

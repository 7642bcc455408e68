"""`sft-audit reward`."""

from pathlib import Path
from typing import Annotated

import typer

from sft_audit.cli.application import Json, PolicyFile, app
from sft_audit.cli.console import audit, show


@app.command()
def reward(
    target: Annotated[
        str, typer.Argument(metavar="FILE.py:NAME", help="Reward function, a model's folder, or an address.")
    ],
    paths: Annotated[
        list[Path] | None, typer.Option("--data", help="Data set whose answers the trials use.")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="Folder that image paths are relative to.")] = None,
    trainer: Annotated[str | None, typer.Option(help="Call it as this trainer does.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Audit folder to write. [default: reward-audit]")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file of options.")] = None,
    answers: Annotated[
        int | None, typer.Option(min=1, help="Answers to make trials of. [default: 60]")
    ] = None,
    threshold: Annotated[float | None, typer.Option(help="Reward above which an answer is paid.")] = None,
    constitution: Annotated[
        Path | None, typer.Option(help="YAML file of statements that it must not pay against.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Seconds that one batch may take. [default: 30]")
    ] = None,
    allow_host: Annotated[list[str] | None, typer.Option(help="Host that the function may ask.")] = None,
    samples: Annotated[
        list[Path] | None, typer.Option(help="Log of what the SFT model samples; may recur.")
    ] = None,
    planned_rollouts: Annotated[
        int | None, typer.Option(min=1, help="Rollouts that RL is to sample.")
    ] = None,
    sft_audit: Annotated[
        Path | None, typer.Option(help="Audit of the SFT data, whose reward-like tails are tried.")
    ] = None,
    judge_model: Annotated[str | None, typer.Option(help="Model that judges, such as gpt-4o.")] = None,
    generator: Annotated[str | None, typer.Option(help="Model that wrote the data set's answers.")] = None,
    policy: PolicyFile = None,
    json_: Json = False,
) -> None:
    """Audit a reward function: what will RL be paid for?"""
    from sft_audit.config import RewardConfig, load_config

    flags = {
        "target": target,
        "data": paths,
        "images": images,
        "trainer": trainer,
        "out": out,
        "answers": answers,
        "threshold": threshold,
        "constitution": constitution,
        "seconds": seconds,
        "allow_hosts": allow_host,
        "samples": samples,
        "planned_rollouts": planned_rollouts,
        "sft_audit": sft_audit,
        "judge_model": judge_model,
        "generator": generator,
        "policy": policy,
    }
    report = audit(load_config(config, flags, RewardConfig))
    show(report, as_json=json_)
    raise typer.Exit(report.exit_code)

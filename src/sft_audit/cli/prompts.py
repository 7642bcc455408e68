"""`sft-audit prompts`."""

from pathlib import Path
from typing import Annotated

import typer

from sft_audit.cli.application import Json, PolicyFile, app
from sft_audit.cli.console import audit, show
from sft_audit.errors import AuditError


@app.command()
def prompts(
    data: Annotated[
        list[Path] | None, typer.Argument(metavar="DATA", help="RL prompts: files, folders, patterns.")
    ] = None,
    samples: Annotated[
        list[Path] | None, typer.Option(help="Log of completions sampled for the prompts; may recur.")
    ] = None,
    blind_samples: Annotated[
        list[Path] | None, typer.Option(help="Log of completions sampled without the image.")
    ] = None,
    generations: Annotated[
        int | None, typer.Option(min=2, help="Completions in a group of the run. [default: 8]")
    ] = None,
    threshold: Annotated[float | None, typer.Option(help="Reward above which an answer is right.")] = None,
    min_signal: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Signal that the subset asks of a prompt. [default: 0.25]"),
    ] = None,
    sft: Annotated[list[Path] | None, typer.Option(help="SFT data, to find prompts that it has.")] = None,
    eval_: Annotated[
        list[Path] | None, typer.Option("--eval", help="Evaluation set, to find prompts that it has.")
    ] = None,
    planned_rollouts: Annotated[int | None, typer.Option(min=1, help="Rollouts that the run takes.")] = None,
    seconds_per_rollout: Annotated[float | None, typer.Option(help="GPU-seconds that one takes.")] = None,
    gpu_hours: Annotated[float | None, typer.Option(help="GPU-hours that the run takes, if known.")] = None,
    price: Annotated[float | None, typer.Option(help="Price of one GPU-hour.")] = None,
    images: Annotated[Path | None, typer.Option(help="Folder that image paths are relative to.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Audit folder to write. [default: prompts-audit]")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file of options.")] = None,
    policy: PolicyFile = None,
    json_: Json = False,
) -> None:
    """Audit a set of RL prompts: is there signal in it?"""
    if price is not None and gpu_hours is None:
        raise AuditError("--price needs --gpu-hours: the GPU-hours that the run takes")
    from sft_audit.config import PromptsConfig, load_config

    flags = {
        "data": data,
        "samples": samples,
        "blind_samples": blind_samples,
        "generations": generations,
        "threshold": threshold,
        "min_signal": min_signal,
        "sft": sft,
        "eval": eval_,
        "planned_rollouts": planned_rollouts,
        "seconds_per_rollout": seconds_per_rollout,
        "gpu_hours": gpu_hours,
        "price": price,
        "images": images,
        "out": out,
        "policy": policy,
    }
    report = audit(load_config(config, flags, PromptsConfig))
    show(report, as_json=json_)
    raise typer.Exit(report.exit_code)

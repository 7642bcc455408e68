"""`sft-audit watch`."""

from pathlib import Path
from typing import Annotated

import typer

from sft_audit.cli.application import FailOn, Json, PolicyFile, app
from sft_audit.cli.console import audit, show

Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of an RL run, or one of its logs.")]
Data = Annotated[list[Path] | None, typer.Option("--data", help="Prompts that the run was given; may recur.")]
Images = Annotated[Path | None, typer.Option(help="Folder that image paths are relative to.")]
Generations = Annotated[int | None, typer.Option(min=2, help="Completions in a group, if it is known.")]
SftAudit = Annotated[
    Path | None, typer.Option(help="Audit of the SFT data: its reward-like tails are looked for.")
]
Config = Annotated[Path | None, typer.Option(help="YAML file of options.")]


@app.command()
def watch(
    run: Run,
    data: Data = None,
    images: Images = None,
    generations: Generations = None,
    sft_audit: SftAudit = None,
    sft_samples: Annotated[
        list[Path] | None, typer.Option(help="Log of what the SFT model sampled before RL; may recur.")
    ] = None,
    planned_kl: Annotated[
        float | None, typer.Option(help="Divergence from the reference model that was planned, in nats.")
    ] = None,
    probes: Annotated[
        Path | None, typer.Option(help="Probe pack that every saved checkpoint is asked.")
    ] = None,
    base: Annotated[Path | None, typer.Option(help="Model that the run began with, asked too.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Audit folder to write. [default: run-audit]")
    ] = None,
    config: Config = None,
    policy: PolicyFile = None,
    fail_on: FailOn = "block",
    json_: Json = False,
) -> None:
    """Audit an RL run, live or after it: what is it reinforcing?"""
    from sft_audit.config import RunConfig, load_config

    flags = {
        "run": run,
        "data": data,
        "images": images,
        "generations": generations,
        "sft_audit": sft_audit,
        "sft_samples": sft_samples,
        "planned_kl": planned_kl,
        "probes": probes,
        "base": base,
        "out": out,
        "policy": policy,
    }
    report = audit(load_config(config, flags, RunConfig))
    show(report, as_json=json_)
    raise typer.Exit(report.review_exit_code if fail_on == "review" else report.exit_code)

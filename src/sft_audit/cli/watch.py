"""`sft-audit watch`."""

from pathlib import Path
from typing import Annotated

import typer

from sft_audit.cli.application import FailOn, Json, PolicyFile, app
from sft_audit.cli.console import audit, follow_run, show
from sft_audit.errors import AuditError

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
    reward: Annotated[
        str | None,
        typer.Option(help="Reward function (FILE.py:NAME) that pays what the probes are answered."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Audit folder to write. [default: run-audit]")
    ] = None,
    config: Config = None,
    follow: Annotated[bool, typer.Option("--follow", help="Read the logs as they grow, then audit.")] = False,
    every: Annotated[
        float | None, typer.Option(min=0.1, help="Seconds between two looks at the logs. [default: 10]")
    ] = None,
    idle: Annotated[
        float | None, typer.Option(min=1, help="Seconds without news that end the following. [default: 1800]")
    ] = None,
    until: Annotated[int | None, typer.Option(help="Step that ends the following.")] = None,
    alerts: Annotated[
        Path | None, typer.Option(help="File to which each alarm adds a line of JSON, at once.")
    ] = None,
    stop_file: Annotated[
        Path | None, typer.Option(help="File that the first alarm makes, for a launcher to look for.")
    ] = None,
    tracker: Annotated[
        str | None,
        typer.Option(help="Draw the series in tensorboard=DIR, wandb=PROJECT or mlflow=ADDRESS."),
    ] = None,
    policy: PolicyFile = None,
    fail_on: FailOn = "block",
    json_: Json = False,
) -> None:
    """Audit an RL run, live or after it: what is it reinforcing?"""
    from sft_audit.config import RunConfig, load_config
    from sft_audit.monitor.alerts import Alerts
    from sft_audit.monitor.follow import Pace
    from sft_audit.monitor.trackers import read_points, tracking

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
        "reward": reward,
        "out": out,
        "policy": policy,
    }
    if not follow and any(one is not None for one in (alerts, stop_file, until, every, idle)):
        raise AuditError(
            "--every, --idle, --until, --alerts and --stop-file are of a run that is followed; "
            "give --follow too"
        )
    if stop_file is not None and stop_file.exists():
        raise AuditError(f"--stop-file {stop_file}: it is there already, of an earlier run; remove it first")
    settings = load_config(config, flags, RunConfig)
    with tracking(tracker) as drawn:
        see = drawn.add if drawn else lambda _: None
        if follow:
            follow_run(settings, Pace(every or 10, idle or 1800, until), Alerts(alerts, stop_file), see)
        report = audit(settings)
        if not follow:
            see(read_points(report.folder))
    show(report, as_json=json_)
    raise typer.Exit(report.review_exit_code if fail_on == "review" else report.exit_code)

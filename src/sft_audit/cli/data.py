"""`sft-audit data`, `clean` and `demo`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from sft_audit.cli.application import FailOn, Json, PolicyFile, app
from sft_audit.cli.console import audit as run_audit
from sft_audit.cli.console import progress, show


@app.command()
def data(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="DATA", help="Files, globs or folders.")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="Folder that image paths are relative to.")] = None,
    format_: Annotated[str | None, typer.Option("--format", help="Format, if not as the rows look.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Audit folder to write. [default: audit]")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file of options.")] = None,
    select: Annotated[list[str] | None, typer.Option(help="Only these checks: code, name or family.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Not these checks: code, name or family.")] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Audit this many rows, drawn by source.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the draw.")] = None,
    preferences: Annotated[
        list[Path] | None, typer.Option(help="File of chosen and rejected responses.")
    ] = None,
    eval_: Annotated[
        list[Path] | None,
        typer.Option("--eval", help="Probe pack or benchmark that is not to be trained on."),
    ] = None,
    baseline: Annotated[Path | None, typer.Option(help="Earlier audit: only what is new counts.")] = None,
    policy: PolicyFile = None,
    no_thumbnails: Annotated[
        bool, typer.Option("--no-thumbnails", help="No pictures in the report.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Worker processes. [default: one a core]")
    ] = None,
    memory_limit: Annotated[str | None, typer.Option(help="Memory for the tables. [default: 4GB]")] = None,
    fail_on: FailOn = "block",
    json_: Json = False,
) -> None:
    """Audit an SFT data set: what will it teach?"""
    from sft_audit.config import load_config

    flags = {
        "data": paths,
        "images": images,
        "format": format_,
        "out": out,
        "select": select,
        "ignore_checks": ignore,
        "sample": sample,
        "seed": seed,
        "preferences": preferences,
        "eval": eval_,
        "baseline": baseline,
        "policy": policy,
        "thumbnails": False if no_thumbnails else None,
        "workers": workers,
        "memory_limit": memory_limit,
    }
    report = run_audit(load_config(config, flags))
    show(report, as_json=json_)
    raise typer.Exit(report.review_exit_code if fail_on == "review" else report.exit_code)


@app.command()
def clean(
    audit: Annotated[Path, typer.Argument(help="Audit folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the repaired data set.")],
    unsafe: Annotated[list[str] | None, typer.Option(help="Also apply this check's unsafe remedy.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Go on though the plan removes much.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, write nothing.")
    ] = False,
    json_: Json = False,
) -> None:
    """Write the repaired data set, in the format and layout it came in."""
    from sft_audit.remedies import clean as repair

    result = repair(audit, out, unsafe=tuple(unsafe or ()), force=force, dry_run=dry_run)
    print(json.dumps(result.summary()) if json_ else result.text())


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")] = Path("sft-audit-demo"),
    workers: Annotated[int, typer.Option(min=0, help="Worker processes; 0: one a core.")] = 0,
) -> None:
    """Plant faults in a small data set that the package makes, audit it, repair it, audit again."""
    from rich.console import Console

    from sft_audit.demo import render, run_demo

    with progress():
        result = run_demo(out, workers=workers)
    Console().print(render(result))

"""`sft-audit checkpoint`."""

from pathlib import Path
from typing import Annotated

import typer

from sft_audit.cli.application import Json, PolicyFile, app
from sft_audit.cli.console import audit, show, tell_ranking
from sft_audit.errors import AuditError


@app.command()
def checkpoint(
    base: Annotated[Path | None, typer.Argument(help="Folder of the base model.")] = None,
    sft: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="SFT...", help="Folder of the fine-tuned model, or of an adapter; or several."
        ),
    ] = None,
    probes: Annotated[
        list[Path] | None, typer.Option(help="Probe pack, or a data set with known answers.")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="Folder that image paths are relative to.")] = None,
    null: Annotated[
        list[Path] | None,
        typer.Option(help="Benign fine-tune of the base, to know harmless drift; may recur."),
    ] = None,
    samples: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL:CONDITION=LOG", help="Log of answers, read in place of asking; may recur."
        ),
    ] = None,
    trained: Annotated[
        list[str] | None, typer.Option(help="Part that was meant to train: vision, projector, language.")
    ] = None,
    draws: Annotated[int | None, typer.Option(min=0, help="Answers drawn a probe. [default: 8]")] = None,
    max_new_tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens of an answer. [default: 64]")
    ] = None,
    gradients: Annotated[
        int | None, typer.Option(min=0, help="Probes whose gradients are taken. [default: 256]")
    ] = None,
    own_rows: Annotated[
        int | None,
        typer.Option(min=0, help="Rows of --sft-audit that are put to it again. [default: 1000]"),
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Probes a batch. [default: what fits]")] = None,
    device: Annotated[
        str | None, typer.Option(help="Device, such as cuda:1. [default: what is there]")
    ] = None,
    sft_audit: Annotated[Path | None, typer.Option(help="Audit of the data that it was trained on.")] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder of answers already had. [default: beside OUT]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Audit folder to write. [default: checkpoint-audit]")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file of options.")] = None,
    policy: PolicyFile = None,
    json_: Json = False,
) -> None:
    """Audit a checkpoint, or rank several: what did fine-tuning teach?"""
    from sft_audit.config import CheckpointConfig, load_config

    flags = {
        "base": base,
        "data": probes,
        "images": images,
        "null": null,
        "samples": samples,
        "trained": trained,
        "draws": draws,
        "max_new_tokens": max_new_tokens,
        "gradients": gradients,
        "own_rows": own_rows,
        "batch": batch,
        "device": device,
        "sft_audit": sft_audit,
        "cache": cache,
        "policy": policy,
    }
    folders = by_name(sft or [])
    if len(folders) > 1:
        from sft_audit.ranking import rank
        from sft_audit.record.shelf import answers_folder

        where = out or Path("checkpoint-audit")
        flags["cache"] = answers_folder(cache, where)
        audits = {
            name: audit(
                load_config(config, {**flags, "checkpoint": one, "out": where / name}, CheckpointConfig)
            )
            for name, one in folders.items()
        }
        ranked = rank({name: report.folder for name, report in audits.items()})
        tell_ranking(ranked, as_json=json_)
        raise typer.Exit(audits[ranked[0].name].exit_code)
    flags |= {"checkpoint": sft[0] if sft else None, "out": out}
    report = audit(load_config(config, flags, CheckpointConfig))
    show(report, as_json=json_)
    raise typer.Exit(report.exit_code)


def by_name(folders: list[Path]) -> dict[str, Path]:
    """Return folders by the end of their paths that differs; raise AuditError for one given twice."""
    places = [folder.resolve() for folder in folders]
    if len(set(places)) < len(places):
        raise AuditError("a checkpoint is given twice; give each once")
    depth = next(n for n in range(1, 99) if len({one.parts[-n:] for one in places}) == len(places))
    return {"-".join(one.parts[-depth:]): folder for one, folder in zip(places, folders, strict=True)}

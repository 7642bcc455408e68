"""One data audit from configuration to published folder: the API behind `sft-audit data`."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from sft_audit import __version__
from sft_audit.audit import Outcome, count_rows, run_audit
from sft_audit.config import (
    AuditConfig,
    CheckpointConfig,
    PromptsConfig,
    RewardConfig,
    RunConfig,
    parse_config,
)
from sft_audit.engine import Engine
from sft_audit.errors import AuditError
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.readers.inputs import find_inputs, nearest
from sft_audit.runs import find_run
from sft_audit.store import MANIFEST, Store, building, read_manifest, write_json
from sft_audit.tables import SCHEMA_VERSION

_FINDINGS = """
    select findings.*, samples.id, samples.file, samples.position
    from findings
    left join samples using (sample_id)
    order by "check", file, position, turn, message
"""


@dataclass(frozen=True, slots=True)
class Report:
    """A finished audit, read back from its folder."""

    folder: Path
    verdict: str
    reasons: tuple[str, ...]
    samples: int
    malformed: int
    images: int
    counts: dict[str, int]
    exit_code: int
    review_exit_code: int
    evidence: tuple[dict[str, Any], ...]
    faults: dict[str, str]

    @property
    def findings(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return the findings as an Arrow table, with the columns of `findings.parquet`."""
        import pyarrow.parquet as pq

        return pq.read_table(self.folder / "findings.parquet")

    def summary(self) -> dict[str, object]:
        """Return the object that `--json` prints."""
        return {
            "verdict": self.verdict,
            "samples": self.samples,
            "malformed": self.malformed,
            "images": self.images,
            "findings": self.counts,
            "reasons": list(self.reasons),
            "audit": str(self.folder),
        }


def audit_data(data: str | Path | list[str | Path], **options: object) -> Report:
    """Audit a data set and return the report; `options` are the fields of AuditConfig.

    Raises AuditError where the request makes no sense, in one line that says what to write instead.
    """
    return run(parse_config({"data": data, **options}, "audit_data"))


def audit_reward(target: str, data: str | Path | list[str | Path], **options: object) -> Report:
    """Audit a reward function on answers of a data set; `options` are the fields of RewardConfig.

    `target` is `FILE.py:NAME`, `package.module:NAME` or an address. Raises AuditError where the function
    cannot be loaded or no trainer calls one like it.
    """
    return run(parse_config({"target": target, "data": data, **options}, "audit_reward", RewardConfig))


def audit_prompts(data: str | Path | list[str | Path], **options: object) -> Report:
    """Audit a set of RL prompts by completions sampled for them; `options` are the fields of PromptsConfig.

    Raises AuditError where the logs of `samples` hold no completion of a prompt.
    """
    return run(parse_config({"data": data, **options}, "audit_prompts", PromptsConfig))


def audit_checkpoint(
    base: str | Path | None,
    checkpoint: str | Path | None,
    probes: str | Path | list[str | Path],
    **options: object,
) -> Report:
    """Audit what fine-tuning taught a model; `options` are the fields of CheckpointConfig.

    `base` and `checkpoint` are folders of models, or `checkpoint` of a PEFT adapter; None where logs of both
    are given as `samples`. Raises AuditError where
    either cannot be loaded or they are not of one architecture.
    """
    given = {"base": base, "checkpoint": checkpoint, "data": probes, **options}
    return run(parse_config(given, "audit_checkpoint", CheckpointConfig))


def audit_run(run_: str | Path, **options: object) -> Report:
    """Audit an RL run, finished or not; `options` are the fields of RunConfig.

    `run_` is its folder, or one log. Raises AuditError where nothing in it is a log of a run.
    """
    return run(parse_config({"run": run_, **options}, "audit_run", RunConfig))


def run(config: AuditConfig) -> Report:
    """Audit as configured, publish the folder, and return the report."""
    if config.images is not None and not config.images.is_dir():
        raise AuditError(f"{config.images}: no such folder of images{nearest(config.images)}")
    for earlier in (config.baseline, _sft_audit(config)):
        if earlier is not None:
            read_manifest(earlier)
    size = sum(one.path.stat().st_size for one in find_inputs(_read_whole(config)))
    started = time.time()
    with building(config.out, needs_bytes=2 * size) as folder, Engine(config.workers) as engine:
        store = Store(folder, config.memory_limit, engine.workers)
        try:
            outcome = run_audit(config, store, engine)
            _write(config, store, outcome, started)
        finally:
            store.close()
    return open_report(config.out)


def _read_whole(config: AuditConfig) -> tuple[Path, ...]:
    """Return what is copied into the tables: the data, and what a run logged."""
    match config:
        case RunConfig():
            return (*config.data, *find_run(config.run).rollouts)
    return config.data


def _sft_audit(config: AuditConfig) -> Path | None:
    """Return the audit of the SFT data that was named: what reads it comes after what costs."""
    match config:
        case RewardConfig() | CheckpointConfig() | RunConfig():
            return config.sft_audit
    return None


def open_report(folder: str | Path) -> Report:
    """Read back a finished audit; raise AuditError where there is none."""
    folder = Path(folder)
    manifest = read_manifest(folder)
    verdict = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    return Report(
        folder=folder,
        verdict=verdict["verdict"],
        reasons=tuple(verdict["reasons"]),
        samples=verdict["samples"],
        malformed=verdict["malformed"],
        images=verdict["images"],
        counts=verdict["findings"],
        exit_code=verdict["exit_code"],
        review_exit_code=verdict["exit_code_failing_on_review"],
        evidence=tuple(verdict["evidence"]),
        faults=manifest["faults"],
    )


def _write(config: AuditConfig, store: Store, outcome: Outcome, started: float) -> None:
    folder = store.folder
    _write_findings(store, folder / "findings.parquet")
    shown, timed = _REPORTS[config.subject](config, store, outcome)
    write_json(folder / "verdict.json", _verdict(config, store, outcome) | shown)
    manifest = {
        **timed,
        "schema_version": SCHEMA_VERSION,
        "sft_audit": __version__,
        "configuration": config.model_dump(mode="json"),
        "inputs": store.arrow("select * from files order by file").to_pylist(),
        "beside": files_beside(config),
        "seconds": round(time.time() - started, 1),
        "stages": dict(outcome.seconds),
        "faults": dict(outcome.faults),
    }
    write_json(folder / MANIFEST, manifest)


# What a report adds to verdict.json, and the times it adds to manifest.json: no two runs take the same.
Shown = tuple[dict[str, object], dict[str, object]]


def _write_data_report(config: AuditConfig, store: Store, outcome: Outcome) -> Shown:
    """Write the report of a data set."""
    from sft_audit.report.page import write_report
    from sft_audit.report.weights import weigh_rows
    from sft_audit.report.wounds import read_wounds

    weigh_rows(store)
    wounds = read_wounds(store, outcome)
    write_report(store.folder, store, outcome, config, wounds)
    return {"wounds": [asdict(one) for one in wounds]}, {}


def _write_card(config: AuditConfig, store: Store, outcome: Outcome) -> Shown:  # noqa: ARG001
    """Write the card of a reward function."""
    from sft_audit.report.card import median_seconds, read_card, write_card

    card = read_card(store)
    seconds = median_seconds(store) if card else None
    write_card(store, card, outcome, seconds)
    return {"card": card and asdict(card)}, {"median_seconds": seconds}


def _write_prompts(config: AuditConfig, store: Store, outcome: Outcome) -> Shown:
    """Write the report and the subset of a prompt set."""
    from sft_audit.report.prompts import read_prompts, write_prompts

    sheet = read_prompts(config, store)
    write_prompts(store, sheet, outcome)
    return {"prompts": asdict(sheet)}, {}


def _write_checkpoint(config: AuditConfig, store: Store, outcome: Outcome) -> Shown:
    """Write the report of a checkpoint."""
    from sft_audit.report.checkpoint import read_checkpoint, write_checkpoint

    sheet = read_checkpoint(config, store)
    write_checkpoint(store, sheet, outcome)
    return {"checkpoint": asdict(sheet)}, {}


def _write_run(config: AuditConfig, store: Store, outcome: Outcome) -> Shown:
    """Write the report of a run."""
    from sft_audit.report.run import read_run, write_run

    sheet = read_run(config, store)
    write_run(store, sheet, outcome)
    return {"run": asdict(sheet)}, {}


_REPORTS: Mapping[str, Callable[[AuditConfig, Store, Outcome], Shown]] = {
    "data": _write_data_report,
    "reward": _write_card,
    "prompts": _write_prompts,
    "checkpoint": _write_checkpoint,
    "run": _write_run,
}


def files_beside(config: AuditConfig) -> dict[str, str]:
    """Return the hash of every file, other than the data, on which the verdict depends."""
    sets = [config.preferences, config.eval]
    files = [config.policy, config.baseline and config.baseline / "findings.parquet"]
    match config:
        case RewardConfig():
            sets += [config.samples]
            files += [config.constitution, config.sft_audit and config.sft_audit / "findings.parquet"]
            files += _files_of(config.target)
        case PromptsConfig():
            sets += [config.samples, config.blind_samples, config.sft]
        case CheckpointConfig():
            sets += [tuple(Path(one.partition("=")[2]) for one in config.samples)]
            files += [config.sft_audit and config.sft_audit / "findings.parquet"]
            for folder in (config.base, config.checkpoint, *config.null):
                files += _files_of(str(folder)) if folder else []
        case RunConfig():
            found = find_run(config.run)
            sets += [found.rollouts, config.sft_samples]
            files += [*found.metrics, config.sft_audit and config.sft_audit / "findings.parquet"]
            files += _files_of(config.reward) if config.reward else []
            if config.probes:
                sets += [(config.probes,)]
                saved = [folder for _, folder in found.checkpoints]
                files += [
                    one for folder in filter(None, (config.base, *saved)) for one in _files_of(str(folder))
                ]
    hashes = {}
    for path in (*(one.path for paths in sets for one in find_inputs(paths)), *filter(None, files)):
        with FileBytes(path) as file:
            hashes[str(path)] = file.finish()
    return hashes


def _files_of(target: str) -> list[Path]:
    """Return the file of `FILE.py:NAME`, the weights and settings of a model's folder; else none."""
    place = Path(target.rpartition(":")[0])
    if place.suffix == ".py":
        return [place]
    return sorted(path for kind in ("*.safetensors", "*.json") for path in Path(target).glob(kind))


def _write_findings(store: Store, path: Path) -> None:
    """Stream the findings to parquet in batches of fixed size, so that equal findings are equal bytes."""
    import pyarrow.parquet as pq

    schema = store.arrow(f"{_FINDINGS} limit 0").schema
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in store.batches(_FINDINGS, 65_536):
            writer.write_batch(batch)


def _verdict(config: AuditConfig, store: Store, outcome: Outcome) -> dict[str, object]:
    verdict = outcome.verdict
    samples, malformed = count_rows(store, config)
    return {
        "subject": config.subject,
        "verdict": verdict.outcome,
        "axes": dict(verdict.axes),
        "reasons": verdict.reasons,
        "exit_code": verdict.exit_code(),
        "exit_code_failing_on_review": verdict.exit_code("review"),
        "samples": samples,
        "malformed": malformed,
        "images": store.value("select count(*) from images"),
        "findings": _counts(store, "open"),
        "ignored": _counts(store, "ignored"),
        "known": _counts(store, "known"),
        "not_asked": list(verdict.not_asked),
        "evidence": [
            {
                "check": e.check,
                "name": e.name,
                "axis": e.axis,
                "state": e.state,
                "preview": e.preview,
                "findings": e.findings,
                "flagged": e.rate.k,
                "of": e.rate.n,
                "share": e.rate.value,
                "low": e.rate.low,
                "high": e.rate.high,
                "score": e.score,
                "score_high": e.score_high,
                "population": e.rate.population if isfinite(e.rate.population) else None,
                "foremost": e.foremost,
            }
            for e in outcome.evidence
            if e.state != "not asked"
        ],
        "rulings": [
            {
                "check": r.check,
                "axis": r.axis,
                "outcome": r.outcome,
                "reason": r.reason,
                "rule": r.rule and r.rule.model_dump(),
            }
            for r in verdict.rulings
        ],
    }


def _counts(store: Store, status: str) -> dict[str, int]:
    """Return the number of findings of each check that has any with this status."""
    counted = store.rows(
        """select "check", count(*) from findings where status = $status group by 1 order by 1""",
        {"status": status},
    )
    return dict(counted)

"""The demonstration from an empty folder to the gate: data, reward functions and checkpoints, judged."""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from sft_audit.check import all_checks
from sft_audit.demo.bed import Planted
from sft_audit.demo.compare import Line, Stray, flagged_but_not_planted, found_against_planted
from sft_audit.demo.dataset import make_data_set, write_comparisons, write_rows
from sft_audit.demo.judges import LEAKY, SOUND, targets_in, write_judges, write_samples
from sft_audit.demo.models import BLIND, PARTS, SEEING, AuditedModels, can_train, train_and_audit
from sft_audit.demo.plant import plant_faults
from sft_audit.demo.row import Row
from sft_audit.demo.runs import RUN_PARTS, AuditedRuns, can_reinforce, reinforce_and_audit
from sft_audit.errors import AuditError
from sft_audit.gate import Gate, judge_audits
from sft_audit.policy import load_policy
from sft_audit.report.gate import Sheet, one_page
from sft_audit.session import Report, audit_data, audit_reward

ROWS, TRUTH, COMPARISONS, IMAGES = "rows.json", "planted.jsonl", "preferences.jsonl", "images"


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demonstration came to: its folder, both audits, and findings held against what was planted.

    `rewards` are the audits of a sound and a leaky reward function, `models` those of a seeing and a blind
    model, `runs` those of a polluted model's run with each reward function; None where nothing is installed
    that trains them. `gates` join what belongs together.
    """

    folder: Path
    before: Report
    after: Report
    lines: tuple[Line, ...]
    rewards: Mapping[str, Report]
    models: AuditedModels | None
    runs: AuditedRuns | None
    gates: Mapping[str, Gate]
    strays: tuple[Stray, ...]
    seconds: float


def run_demo(out: Path, *, workers: int = 0, seed: int = 7) -> DemoResult:
    """Make the data set in `out`/data, audit it, apply every remedy there is, audit again, and compare.

    Then audit a sound and a leaky reward function on its answers; where torch is installed, train a seeing
    and a blind model and audit both; where TRL is, reinforce a polluted model with each reward function,
    watch and audit both runs; and judge what belongs together.

    Raises AuditError where `out` holds something else, or scikit-image is not installed.
    """
    from sft_audit.remedies import clean

    started = time.monotonic()
    rows, truth = make_faulty_data_set(_fresh(out) / "data", seed)
    before = _audit(out / "data" / ROWS, out / "audit", out / "data", workers)
    clean(out / "audit", out / "cleaned", unsafe=_unsafe(), force=True)
    after = _audit(out / "cleaned" / ROWS, out / "audit-cleaned", out / "data", workers)
    rewards = _audit_rewards(out, rows, seed)
    models = train_and_audit(out, workers) if can_train() else None
    runs = None
    if models is not None and can_reinforce():
        runs = reinforce_and_audit(out, models, targets_in(out / "rewards"), workers)
    found = before.findings.to_pylist()
    return DemoResult(
        folder=out,
        before=before,
        after=after,
        lines=found_against_planted(truth, found, after.findings.to_pylist()),
        strays=flagged_but_not_planted(truth, found, [row.source for row in rows]),
        rewards=rewards,
        models=models,
        runs=runs,
        gates=_judge_all(out, after, rewards, models, runs),
        seconds=time.monotonic() - started,
    )


def make_faulty_data_set(folder: Path, seed: int) -> tuple[list[Row], list[Planted]]:
    """Write rows, images, comparisons and the truth into the folder; equal seeds give equal bytes."""
    random = Random(seed)  # noqa: S311 - which row gets which fault is no secret
    sound = make_data_set(folder / IMAGES, random)
    rows, truth = plant_faults(sound.rows, sound.comparisons, folder / IMAGES, random)
    write_rows(folder / ROWS, rows)
    write_comparisons(folder / COMPARISONS, sound.comparisons)
    (folder / TRUTH).write_text("".join(json.dumps(asdict(one)) + "\n" for one in truth), encoding="utf-8")
    return rows, truth


def _unsafe() -> tuple[str, ...]:
    """Return the checks whose remedy asks for consent: here it is known that what they flag is a fault."""
    return tuple(c.code for c in all_checks().values() if c.remedy in ("drop", "rewrite") and not c.safe)


def _fresh(out: Path) -> Path:
    """Return the folder, empty; an earlier demonstration in it is removed, anything else refused."""
    if out.exists() and not (out / "data" / TRUTH).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise AuditError(f"{out}: exists and is not a demonstration; choose another folder with -o")
    parts = ("data", "audit", "cleaned", "audit-cleaned", "rewards")
    for part in (*parts, *PARTS, *RUN_PARTS, *(f"reward-{name}" for name in (SOUND, LEAKY))):
        shutil.rmtree(out / part, ignore_errors=True)
    return out


def _audit_rewards(out: Path, rows: list[Row], seed: int) -> dict[str, Report]:
    """Audit both functions on the cleaned rows, with drawn samples and the exploit tails of the data."""
    targets, samples = write_judges(out / "rewards"), out / "rewards" / "samples.jsonl"
    write_samples(samples, rows, Random(seed))  # noqa: S311 - as above
    return {
        name: audit_reward(
            target,
            out / "cleaned" / ROWS,
            images=out / "data" / IMAGES,
            samples=samples,
            sft_audit=out / "audit",
            planned_rollouts=1_000_000,
            out=out / f"reward-{name}",
        )
        for name, target in targets.items()
    }


def _judge_all(
    out: Path,
    data: Report,
    rewards: Mapping[str, Report],
    models: AuditedModels | None,
    runs: AuditedRuns | None,
) -> dict[str, Gate]:
    """Judge each reward function with the polluted model and its run, and the blind model with the sound one.

    Where no run could be made, each reward function is judged with the seeing model.
    """
    if models is None:
        return {name: _judge(out, name, (data, one)) for name, one in rewards.items()}
    seeing, blind = (models.checkpoints[name] for name in (SEEING, BLIND))
    joined: dict[str, tuple[Report, ...]] = {
        name: (runs.data, one, runs.checkpoint, runs.runs[name])
        if runs is not None
        else (data, models.data, one, seeing)
        for name, one in rewards.items()
    }
    joined[BLIND] = (data, models.data, rewards[SOUND], blind)
    return {name: _judge(out, name, audits) for name, audits in joined.items()}


def _judge(out: Path, name: str, audits: Sequence[Report]) -> Gate:
    """Join audits, and write the gate's page."""
    today = datetime.now(tz=UTC).date()
    gate = judge_audits([one.folder for one in audits], load_policy(None), today)
    (out / f"gate-{name}.html").write_text(one_page(Sheet(gate)), encoding="utf-8")
    return gate


def _audit(rows: Path, out: Path, data: Path, workers: int) -> Report:
    return audit_data(rows, images=data / IMAGES, preferences=(data / COMPARISONS,), out=out, workers=workers)

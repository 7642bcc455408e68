"""Several checkpoints of one base model, ranked by readiness for RL, and what each is better at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sft_audit.policy import OUTCOMES, Outcome
from sft_audit.record.changes import compare
from sft_audit.record.heard import Heard, hear, read_asked
from sft_audit.record.measures import Measure, all_measures
from sft_audit.session import open_report
from sft_audit.store import Store

# What is shown of each, and by what those of one verdict are ordered: the first that all have.
SHOWN = ("paired_accuracy", "accuracy", "unmoved", "text_accuracy", "pass_at_k")


@dataclass(frozen=True, slots=True)
class Better:
    """A measure at which one checkpoint is better than another: the difference and its 95 % interval."""

    measure: str
    than: str
    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Ranked:
    """One checkpoint: its place from 1, verdict, measures with intervals, and what it is better at."""

    place: int
    name: str
    folder: Path
    verdict: Outcome
    reasons: tuple[str, ...]
    measures: Mapping[str, tuple[float, float, float]]
    better_at: tuple[Better, ...]


@dataclass(frozen=True, slots=True)
class _Audited:
    name: str
    folder: Path
    verdict: Outcome
    reasons: tuple[str, ...]
    heard: Sequence[Heard]
    measures: Mapping[str, tuple[float, float, float]]


def rank(folders: Mapping[str, Path]) -> tuple[Ranked, ...]:
    """Return the audited checkpoints by name, the readiest first.

    The better verdict goes first; within one the higher value of the first measure of SHOWN that all have.
    Measures are compared probe by probe; a difference counts where its 95 % interval leaves out 0.
    """
    audited = [_read(name, folder) for name, folder in folders.items()]
    by = next((name for name in SHOWN if all(name in one.measures for one in audited)), None)

    def key(one: _Audited) -> tuple[int, float, str]:
        return OUTCOMES.index(one.verdict), -(one.measures[by][0] if by else 0.0), one.name

    ordered = sorted(audited, key=key)
    return tuple(
        Ranked(
            place,
            one.name,
            one.folder,
            one.verdict,
            one.reasons,
            one.measures,
            tuple(found for other in ordered if other is not one for found in _better(one, other)),
        )
        for place, one in enumerate(ordered, start=1)
    )


def _read(name: str, folder: Path) -> _Audited:
    report = open_report(folder)
    store = Store(folder, "2GB", 1, read_only=True)
    try:
        heard = list(hear(store, "sft", read_asked(store)))
        rows = store.rows("select measure, sft, sft_low, sft_high from changes")
    finally:
        store.close()
    return _Audited(
        name,
        folder,
        _outcome(report.verdict),
        report.reasons,
        heard,
        {measure: (value, low, high) for measure, value, low, high in rows},
    )


def _outcome(verdict: str) -> Outcome:
    return next(one for one in OUTCOMES if one == verdict)


def _better(one: _Audited, other: _Audited) -> list[Better]:
    found = []
    for measure in all_measures(()):
        change = compare(measure, measure.units(other.heard), measure.units(one.heard))
        if change and change.difference is not None and _is_better(measure, change.low, change.high):
            found.append(
                Better(measure.name, other.name, change.difference, change.low or 0.0, change.high or 0.0)
            )
    return found


def _is_better(measure: Measure, low: float | None, high: float | None) -> bool:
    if low is None or high is None:
        return False
    return low > 0 if measure.better == "higher" else measure.better == "lower" and high < 0

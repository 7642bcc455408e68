"""What a run's saved models say to the probes, for its page: a line a checkpoint, a column a measure."""

from dataclasses import dataclass
from typing import Any

from sft_audit.store import Store

_SHOWN = ("accuracy", "swap_gap", "swap_gap_kept", "blind_ratio", "unmoved", "text_accuracy", "cue_following")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One saved model, and its rows of `checkpoint_measures` in the order of the columns; None: not asked."""

    name: str
    cells: tuple[dict[str, Any] | None, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """The saved models of a run: the measures with what each means, the models, and those not asked."""

    measures: tuple[tuple[str, str], ...]
    models: tuple[Checkpoint, ...]
    unasked: tuple[dict[str, Any], ...]


def read_series(store: Store) -> Series | None:
    """Return what the saved models say; None where nothing was asked of any."""
    if not store.has("checkpoint_measures"):
        return None
    rows = store.arrow("from checkpoint_measures order by step nulls first").to_pylist()
    about = {row["measure"]: row["about"] for row in rows}
    names = [name for name in _SHOWN if name in about]
    by_step: dict[int | None, dict[str, Any]] = {}
    for row in rows:
        by_step.setdefault(row["step"], {})[row["measure"]] = row
    models = tuple(
        Checkpoint("start" if step is None else f"step {step}", tuple(found.get(name) for name in names))
        for step, found in by_step.items()
    )
    unasked = tuple(store.arrow("from unasked_checkpoints order by step").to_pylist())
    if not models and not unasked:
        return None
    return Series(tuple((name, about[name]) for name in names), models, unasked)

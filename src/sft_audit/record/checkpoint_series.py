"""What a run's saved models say to the probes, each held against the model that the run began with."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sft_audit.config import AuditConfig, RunConfig
from sft_audit.errors import UnloadableModel
from sft_audit.models.sequence_classifier import address_space
from sft_audit.readers.pack import is_pack
from sft_audit.record import Recording, plan, table_recorder
from sft_audit.record.asking import Manner
from sft_audit.record.changes import Change, compare
from sft_audit.record.clusters import fieller
from sft_audit.record.heard import Asked, Heard, hear, read_asked
from sft_audit.record.interview import Interview
from sft_audit.record.measures import Measure, Units, all_measures
from sft_audit.record.shelf import answers_folder
from sft_audit.record.sight import Sights, blind_ratios, gaps, gaps_kept, paid_sights, right_sights
from sft_audit.rewards.process import Limits, RewardProcess
from sft_audit.runs import find_run, merge_command
from sft_audit.store import Store
from sft_audit.tables import Column, Table

log = logging.getLogger(__name__)

_MEMORY = 8 << 30  # address space of a reward function
_TAKEN = ("accuracy", "unmoved", "text_accuracy", "cue_following", "readable")
_UNMEASURED = "not measurable: the 95 % interval of its denominator holds 0"
MEASURES = Table(
    "checkpoint_measures",
    "one measure of what one saved model of a run says to the probes",
    (
        Column("step", "BIGINT", "the step of the checkpoint; null of the model that the run began with"),
        Column("measure", "VARCHAR", "the measure, as docs/run-checkpoints.md names it"),
        Column("about", "VARCHAR", "one clause that says what is measured"),
        Column("n", "BIGINT", "probes on which it was measured, here and at the start"),
        Column("clusters", "BIGINT", "images that they show"),
        Column("value", "DOUBLE", "the measure; null where it cannot be measured"),
        Column("low", "DOUBLE", "lower end of its 95 % interval, which holds over all checkpoints at once"),
        Column("high", "DOUBLE", "upper end"),
        Column("start_step", "BIGINT", "the step that it is held against; null: the base model, or nothing"),
        Column("start", "DOUBLE", "the measure there; null where it is the start, or was not measurable"),
        Column("start_low", "DOUBLE", "lower end of its 95 % interval"),
        Column("start_high", "DOUBLE", "upper end"),
        Column("difference", "DOUBLE", "the measure less that at the start, paired by probe"),
        Column("difference_low", "DOUBLE", "lower end of its 95 % interval"),
        Column("difference_high", "DOUBLE", "upper end"),
        Column("method", "VARCHAR", "how the intervals were had, or why there is no value"),
    ),
)
UNASKED = Table(
    "unasked_checkpoints",
    "one saved model of a run that could not be loaded",
    (
        Column("step", "BIGINT", "its step"),
        Column("folder", "VARCHAR", "where it lies"),
        Column("why", "VARCHAR", "why it could not be loaded, and what to do"),
    ),
)


@dataclass(frozen=True, slots=True)
class Saved:
    """A model of the run: the one that it began with (`step` is None), or a checkpoint."""

    step: int | None
    folder: Path

    @property
    def name(self) -> str:
        """Return what its responses are stored under."""
        return "base" if self.step is None else f"step {self.step}"


@dataclass(frozen=True, slots=True)
class Answered:
    """What one model said to the probes, and what its answers to those with an image are worth."""

    saved: Saved
    heard: Sequence[Heard]
    sights: Sights


@table_recorder(fills=(MEASURES, UNASKED), requires="probes", cost="model")
def checkpoint_series(recording: Recording) -> None:
    """Put the probes to every saved model of the run and measure what they say against the start.

    Raises AuditError where the base model or none of the checkpoints can be loaded.
    """
    config = recording.config
    if not isinstance(config, RunConfig) or config.probes is None:
        raise TypeError("the checkpoints of a run are asked with a RunConfig that has probes")
    saved = [Saved(step, folder) for step, folder in find_run(config.run).checkpoints]
    if not saved:
        log.warning("%s: no saved model lies in it, so none is asked; TRL saves at --save_steps", config.run)
        return
    models = [*([Saved(None, config.base)] if config.base else []), *saved]
    with _probed(recording, config, config.probes) as store:
        asked = read_asked(store)
        names = _ask(recording, config, store, models)
        with _judge(recording, config) as judge:
            answered = [_answered(store, asked, one, judge) for one in names]
    _store(recording.store, measured(answered, "reward" if config.reward else "share right"))


@contextmanager
def _probed(recording: Recording, config: RunConfig, probes: Path) -> Iterator[Store]:
    """Yield a store of its own that holds the probes: those of the audit are the run's prompts."""
    images = None if is_pack(probes) else config.images
    own = AuditConfig(data=(probes,), images=images, memory_limit=config.memory_limit, seed=config.seed)
    with TemporaryDirectory(dir=recording.store.folder) as folder:
        store = Store(Path(folder), config.memory_limit, recording.engine.workers)
        try:
            for recorder in plan(("images", "probes")):
                recorder.run(Recording(store, recording.engine, own))
            yield store
        finally:
            store.close()


def _ask(recording: Recording, config: RunConfig, store: Store, models: Sequence[Saved]) -> list[Saved]:
    """Put the probes to all models that can be loaded, and return those; tell of the others."""
    manner = Manner(
        config.max_new_tokens, base=config.base, batch=config.batch, device=config.device, seed=config.seed
    )
    cache = answers_folder(config.cache, config.out)
    interview = Interview(store, manner, cache)
    put = interview.questions(("own", "swapped"))
    log.warning("%s questions are put to each of %s models", f"{len(put):,}", len(models))
    found, why = list[Saved](), ""
    for one in models:
        try:
            interview.ask(one.name, one.folder, put)
            found.append(one)
        except UnloadableModel as fault:
            if one.step is None:
                raise
            command = merge_command(one.folder)
            why = f"{one.folder}: verl's shards; merge them: {command}" if command else str(fault)
            log.warning("step %s is not asked: %s", one.step, why)
            recording.store.execute(
                "insert into unasked_checkpoints values (?, ?, ?)", (one.step, str(one.folder), why)
            )
    if all(one.step is None for one in found):
        raise UnloadableModel(f"no checkpoint can be loaded: {why}")
    return found


@contextmanager
def _judge(recording: Recording, config: RunConfig) -> Iterator[RewardProcess | None]:
    """Yield the reward function in a process of its own, where one is named."""
    if config.reward is None:
        yield None
        return
    limits = Limits(config.seconds, _MEMORY + address_space(Path(config.reward)))
    with RewardProcess(config.reward, config.trainer, limits, recording.store.folder / "reward.log") as judge:
        yield judge


def _answered(store: Store, asked: Sequence[Asked], saved: Saved, judge: RewardProcess | None) -> Answered:
    heard = list(hear(store, saved.name, asked))
    return Answered(saved, heard, paid_sights(heard, judge) if judge else right_sights(heard))


def measured(answered: Sequence[Answered], worth: str) -> list[dict[str, Any]]:
    """Return the rows of `checkpoint_measures`: of all models, in order, of which the first is the start.

    `worth` says what an answer's worth is. The intervals of a measure hold at 95 % over all checkpoints.
    """
    start, intervals = answered[0], max(1, len(answered) - 1)
    taken = [one for one in all_measures(()) if one.name in _TAKEN]
    gap = Measure("swap_gap", "higher", f"{worth} with the own image less that with another", lambda _: {})
    blind = Measure(
        "blind_ratio",
        "lower",
        f"({worth} with another image - without looking) / (with the own image - without looking)",
        lambda _: {},
    )
    kept = Measure("swap_gap_kept", "higher", "the swap gap over that at the start", lambda _: {})
    rows = []
    for one in answered:
        first = one is start

        def add(measure: Measure, own: Units, before: Units, *, ratio: bool = False) -> None:
            found = _of_ratio if ratio else compare
            change = found(measure, {} if first else before, own, intervals)  # noqa: B023 - called at once
            if change is not None or own:
                rows.append(_row(one.saved, start.saved, measure, change, len(own)))  # noqa: B023

        for measure in taken:
            add(measure, measure.units(one.heard), measure.units(start.heard))
        add(gap, gaps(one.sights), gaps(start.sights), ratio=True)
        add(blind, blind_ratios(one.sights), blind_ratios(start.sights), ratio=True)
        if not first:
            add(kept, gaps_kept(one.sights, start.sights), {}, ratio=True)
    return rows


def _of_ratio(measure: Measure, start: Units, own: Units, intervals: int) -> Change | None:
    """Return a ratio of both models with Fieller's intervals; their difference is linearised, and paired."""
    change = compare(measure, start, own, intervals)
    keys = [key for key in own if key in start] or list(own)
    of_own = _fieller(own, keys, intervals)
    if change is None or of_own is None:
        return None
    method = "Fieller's, clustered by image"
    change = replace(change, sft_low=of_own[1], sft_high=of_own[2], method=method)
    if change.base is None or (of_start := _fieller(start, keys, intervals)) is None:
        return change
    method = f"{method}; the difference linearised"
    return replace(change, base_low=of_start[1], base_high=of_start[2], method=method)


def _fieller(units: Units, keys: Sequence[Any], intervals: int) -> tuple[float, float, float] | None:
    import numpy as np

    some = [units[key] for key in keys]
    names = np.array([str(one.cluster) for one in some])
    numerators, denominators = np.array([(one.numerator, one.denominator) for one in some], float).T
    return fieller(numerators, denominators, names, intervals)


def _row(saved: Saved, start: Saved, measure: Measure, change: Change | None, n: int) -> dict[str, Any]:
    row: dict[str, Any] = {"step": saved.step, "measure": measure.name, "about": measure.about}
    if saved is not start:
        row["start_step"] = start.step
    if change is None:
        return row | {"n": n, "method": _UNMEASURED}
    told = {
        "n": change.n,
        "clusters": change.clusters,
        "value": change.sft,
        "low": change.sft_low,
        "high": change.sft_high,
        "start": change.base,
        "start_low": change.base_low,
        "start_high": change.base_high,
        "difference": change.difference,
        "difference_low": change.low,
        "difference_high": change.high,
        "method": change.method,
    }
    return row | {name: _finite(value) for name, value in told.items()}


def _finite(value: object) -> object:
    """Return null for an end of an interval that nothing bounds."""
    return None if isinstance(value, float) and not isfinite(value) else value


def _store(store: Store, rows: Sequence[Mapping[str, Any]]) -> None:
    import pyarrow as pa

    store.insert("checkpoint_measures", pa.Table.from_pylist(list(rows), schema=MEASURES.arrow_schema()))

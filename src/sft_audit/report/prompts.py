"""The sheet of a set of RL prompts: its signal, what it costs, and the subset to train on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sft_audit.audit import Outcome
from sft_audit.config import AuditConfig, PromptsConfig
from sft_audit.report.gate import Stake
from sft_audit.report.visible import between, percent
from sft_audit.store import Store, write_json

_NAMED = ("id", "file", "position", "kept")
_SUBSET = """
    select id, file, position, sample_id, n, "right", signal, kept, why
    from prompts
    join samples using (sample_id)
    order by file, position
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of the sheet as it is shown: the value, what it is, and its interval."""

    value: str
    what: str
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the run costs, what of it buys nothing, and what the subset saves.

    GPU-hours; `price` is that of one, in the user's own money.
    """

    hours: float
    price: float | None
    wasted: float
    wasted_low: float
    wasted_high: float
    saved: float
    saved_low: float
    saved_high: float


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a closed answer space: its prompts with a sample, and those the subset keeps."""

    kind: str
    answer: str
    prompts: int
    kept: int
    passed: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the audit says of the prompts; `signal` is that table's row, None where nothing was sampled."""

    signal: dict[str, Any] | None
    ledger: Ledger | None
    lines: tuple[Line, ...]
    answers: tuple[Answer, ...]
    histogram: tuple[int, ...]


def read_prompts(config: AuditConfig, store: Store) -> Sheet:
    """Return the sheet."""
    rows = store.arrow("select * from signal").to_pylist() if store.has("signal") else []
    if not rows or not isinstance(config, PromptsConfig):
        return Sheet(None, None, (), (), ())
    signal: dict[str, Any] = rows[0]
    ledger = _ledger(config, signal)
    answers = store.rows(
        """
        select answer_kind, canonical, count(*), count(*) filter (kept), sum("right") / sum(n)
        from prompts
        join answers using (sample_id, turn)
        where n > 0 and canonical is not null and answer_kind in ('yes_no', 'option', 'colour', 'count')
        group by all
        order by count(*) desc, answer_kind, canonical
        limit 24
        """
    )
    bins = dict(
        store.rows(
            """
            select least(floor(10 * "right" / n), 9)::integer, count(*)
            from prompts
            where n > 0
            group by 1
            """
        )
    )
    return Sheet(
        signal,
        ledger,
        tuple(_lines(signal, ledger)),
        tuple(Answer(*row) for row in answers),
        tuple(bins.get(at, 0) for at in range(10)),
    )


def _ledger(config: PromptsConfig, signal: dict[str, Any]) -> Ledger | None:
    """Return what the run costs; None where the user has not said enough."""
    hours = config.gpu_hours
    if hours is None and config.planned_rollouts and config.seconds_per_rollout:
        hours = config.planned_rollouts * config.seconds_per_rollout / 3600
    if hours is None:
        return None
    return Ledger(
        hours,
        config.price,
        wasted=hours * signal["no_signal"],
        wasted_low=hours * signal["low"],
        wasted_high=hours * signal["high"],
        saved=hours * signal["saving"],
        saved_low=hours * signal["saving_low"],
        saved_high=hours * signal["saving_high"],
    )


def _lines(signal: dict[str, Any], ledger: Ledger | None) -> Iterator[Line]:
    yield Line(
        percent(signal["no_signal"]),
        f"of groups of {signal['generations']} are expected to have no advantage",
        f"(95 % interval {between(signal['low'], signal['high'])}; {signal['method']})",
    )
    yield Line(
        f"{signal['kept']:,}",
        f"of {signal['prompts']:,} sampled prompts are in the recommended subset, with a signal of at least "
        f"{signal['least']:g} or needed for coverage",
    )
    yield Line(
        percent(signal["saving"]),
        "of rollouts are saved from such groups by the subset",
        f"(95 % interval {between(signal['saving_low'], signal['saving_high'])})",
    )
    if ledger is not None:
        yield Line(Stake(ledger.hours, ledger.price).sentence, "at stake")
        wasted = (ledger.wasted, ledger.wasted_low, ledger.wasted_high)
        yield _cost(ledger, wasted, "on groups without advantage")
        yield _cost(ledger, (ledger.saved, ledger.saved_low, ledger.saved_high), "saved by the subset")


def _cost(ledger: Ledger, hours: tuple[float, float, float], what: str) -> Line:
    price = ledger.price or 1.0
    _, low, high = (f"{price * one:,.0f}" for one in hours)
    return Line(Stake(hours[0], ledger.price).sentence, what, f"(95 % interval {low} to {high})")


def write_prompts(store: Store, sheet: Sheet, outcome: Outcome) -> None:
    """Write `report.html` and, where prompts were judged, `subset.parquet` and `subset.json`."""
    from sft_audit.report.page import environment

    page = environment().get_template("prompts.html.j2").render(sheet=sheet, outcome=outcome)
    (store.folder / "report.html").write_text(page, encoding="utf-8")
    if sheet.signal is not None:
        _write_subset(store, store.folder)


def _write_subset(store: Store, folder: Path) -> None:
    import pyarrow.parquet as pq

    schema = store.arrow(f"{_SUBSET} limit 0").schema
    kept = []
    with pq.ParquetWriter(folder / "subset.parquet", schema, compression="zstd") as writer:
        for batch in store.batches(_SUBSET, 65_536):
            writer.write_batch(batch)
            rows = zip(*(batch[name].to_pylist() for name in _NAMED), strict=True)
            kept += [{"id": a, "file": b, "position": c} for a, b, c, keep in rows if keep]
    write_json(folder / "subset.json", kept)

"""The page of a checkpoint: what changed, worst first, with examples and the rows that may have taught it."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sft_audit.audit import Outcome
from sft_audit.config import AuditConfig, CheckpointConfig
from sft_audit.record.decode import FAULTS
from sft_audit.report.nearest import Near, nearest_rows
from sft_audit.report.thumbnails import Picture, small
from sft_audit.store import Store

_MOST_EXAMPLES, _MOST_TRACED = 12, 6
# An interval without ends, as of one probe, is none: JSON has no infinity.
_CHANGES = """
    select
        * replace (
            case when isfinite(base_low) then base_low end as base_low,
            case when isfinite(base_high) then base_high end as base_high,
            case when isfinite(sft_low) then sft_low end as sft_low,
            case when isfinite(sft_high) then sft_high end as sft_high,
            case when isfinite(low) then low end as low,
            case when isfinite(high) then high end as high
        ),
        case better when 'higher' then -difference when 'lower' then difference end as loss,
        coalesce(case better when 'higher' then high < 0 when 'lower' then low > 0 end, false) as worse
    from changes
    order by worse desc, q, measure
"""
# Probes of which the base model was right and the checkpoint is not, those first whose known answer became
# the least likely.
_LOST = """
    select probes.sample_id, probes.turn, probes.question, probes.answer, images, base.text, sft.text
    from probes
    join responses as base using (sample_id, turn)
    join responses as sft using (sample_id, turn)
    where base.model = 'base' and base.condition = 'own' and base.draw = 0 and base.reading = 'right'
        and sft.model = 'sft' and sft.condition = 'own' and sft.draw = 0 and sft.reading <> 'right'
    order by coalesce(sft.nll - base.nll, 0) desc, probes.sample_id, probes.turn
    limit $most
"""


@dataclass(frozen=True, slots=True)
class Lost:
    """One probe that the base model answered rightly and the checkpoint does not."""

    sample_id: str
    question: str
    answer: str
    base: str
    sft: str
    places: tuple[str, ...]
    taught_by: tuple[Near, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the audit says of the checkpoint; each part empty where it was not asked."""

    base: str
    checkpoint: str
    probes: int
    changes: tuple[dict[str, Any], ...]
    parts: tuple[dict[str, Any], ...]
    layers: tuple[dict[str, Any], ...]
    drift: tuple[dict[str, Any], ...]
    retention: tuple[dict[str, Any], ...]
    gradients: tuple[dict[str, Any], ...]
    lost: tuple[Lost, ...]


def read_checkpoint(config: AuditConfig, store: Store) -> Sheet:
    """Return the sheet."""
    if not isinstance(config, CheckpointConfig):
        raise TypeError("the page of a checkpoint needs a CheckpointConfig")
    return Sheet(
        base=str(config.base or "logs of the base model"),
        checkpoint=str(config.checkpoint or "logs of the checkpoint"),
        probes=store.value("select count(*) from probes"),
        changes=_rows(store, "changes", _CHANGES),
        parts=_rows(store, "weight_parts", "select * from weight_parts order by part"),
        layers=_rows(store, "weights", _LAYERS),
        drift=_rows(store, "activations", "select * from activations"),
        retention=_rows(store, "retention", "select * from retention"),
        gradients=_rows(store, "gradients", "select * from gradients order by model, part"),
        lost=tuple(_lost(config, store)),
    )


_LAYERS = """
    select part, layer, sqrt(sum(change ** 2) / sum(norm ** 2)) as moved, max(spectral_change) as spectral
    from weights
    where present = 'both' and norm > 0
    group by part, layer
    having moved > 0
    order by moved desc, part, layer
    limit 12
"""


def write_checkpoint(store: Store, sheet: Sheet, outcome: Outcome) -> None:
    """Write `report.html`."""
    from sft_audit.report.drift_chart import draw_drift
    from sft_audit.report.page import environment

    page = environment().get_template("checkpoint.html.j2")
    html = page.render(
        sheet=sheet,
        outcome=outcome,
        pictures={one.sample_id: _pictures(one) for one in sheet.lost},
        chart=draw_drift(sheet.drift),
    )
    (store.folder / "report.html").write_text(html, encoding="utf-8")


def _rows(store: Store, table: str, query: str) -> tuple[dict[str, Any], ...]:
    """Return the rows of a query; none where the table that a recorder declares was not made."""
    return tuple(store.arrow(query).to_pylist()) if store.has(table) else ()


def _lost(config: CheckpointConfig, store: Store) -> Iterator[Lost]:
    rows = store.rows(_LOST, {"most": _MOST_EXAMPLES})
    asked = [(question, text, json.loads(images)) for _, _, question, _, images, _, text in rows]
    traced = nearest_rows(config.sft_audit, asked[:_MOST_TRACED])
    for at, (sample_id, _, question, answer, images, base, sft) in enumerate(rows):
        near = traced[at] if at < len(traced) else ()
        yield Lost(sample_id, question, answer, base, sft, tuple(json.loads(images)), near)


def _pictures(lost: Lost) -> list[Picture]:
    found = []
    for place in lost.places[:2]:
        with suppress(*FAULTS, MemoryError):
            found.append(small(Path(place).read_bytes()))
    return found

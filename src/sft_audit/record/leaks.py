"""What each metadata field tells of the answers beyond the question and the source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sft_audit.record.clusters import benjamini_hochberg, mean_interval, sign_flip_p
from sft_audit.record.fields import KNOWN, beside_question
from sft_audit.record.grams import Array, Block
from sft_audit.record.probe import Probe, Split, fit, gains
from sft_audit.tables import TABLES

_TELLS, _MIN_OF_SOURCE = 0.05, 200


@dataclass(frozen=True, slots=True)
class Effect:
    """What one field does for the rows of one held-out fold, in bits a row.

    `added` is gained when the field joins question and source, `removed` is lost when it leaves the others.
    """

    answer_kind: str
    field: str
    added: Array
    removed: Array
    clusters: Array
    sources: Array
    example: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The blocks of one fold, which of their grams are used, and the rows on which probes are compared."""

    blocks: Mapping[str, Block]
    kept: Mapping[str, Array]
    split: Split
    held_out: Array
    sources: Array
    answer_kind: str
    classes: tuple[str, ...]


def compare(one: Comparison, fields: Sequence[str]) -> tuple[Probe, list[Effect]]:
    """Return the probe on everything that tells, and the effect of each field on the held-out rows.

    A field joins the probe when, added to question and source, it gains significantly on calibration rows.
    """
    probes: dict[frozenset[str], Probe] = {}

    def probe_with(chosen: Sequence[str]) -> Probe:
        key = frozenset(chosen)
        if key not in probes:
            parts = [part for field in chosen for part in (field, beside_question(field))]
            names = [name for name in (*KNOWN, *parts) if name in one.kept]
            probes[key] = fit(one.blocks, one.kept, names, one.split)
        return probes[key]

    base = probe_with([])
    telling = [f for f in fields if gains(probe_with([f]), base, one.blocks, one.split)]
    everything = probe_with(telling)
    base_bits, full_bits = _bits(one, base), _bits(one, everything)
    clusters, sources = one.split.clusters[one.held_out], one.sources[one.held_out]
    effects = []
    for field in fields:
        added = _bits(one, probe_with([field])) - base_bits
        left = _bits(one, probe_with([f for f in telling if f != field]))
        example = _example(one, field, added)
        effects.append(Effect(one.answer_kind, field, added, full_bits - left, clusters, sources, example))
    return everything, effects


def _bits(one: Comparison, probe: Probe) -> Array:
    import numpy as np

    blocks = {name: one.blocks[name].only(one.held_out) for name in probe.kept}
    return probe.bits(blocks, len(one.held_out))[
        np.arange(len(one.held_out)), one.split.answers[one.held_out]
    ]


def _example(one: Comparison, field: str, added: Array) -> str:
    if not len(added):
        return ""
    row = one.held_out[added.argmax()]
    block = one.blocks[field]
    return f"{block.values[block.codes[row]][:80]!r} goes with {one.classes[one.split.answers[row]]!r}"


def field_rows(effects: Sequence[Effect]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return the rows of `blind_fields`: mean bits of each field in each answer kind, intervals and tests.

    Where a field tells anything at all, each source of at least 200 answers is looked at by itself: a leak in
    one source of a mixture is thin in the whole.
    """
    import numpy as np
    import pyarrow as pa

    folds: dict[tuple[str, str], list[Effect]] = {}
    for effect in effects:
        folds.setdefault((effect.answer_kind, effect.field), []).append(effect)
    fields = [_joined(parts) for _, parts in sorted(folds.items())]
    whole = _tested([_row(field, None) for field in fields])
    telling = [f for f, row in zip(fields, whole, strict=True) if row["q_added"] < _TELLS]
    by_source = []
    for field in telling:
        sources, counts = np.unique(field.sources, return_counts=True)
        if len(sources) > 1:
            by_source += [_row(field, name) for name in sources[counts >= _MIN_OF_SOURCE]]
    rows = [*whole, *_tested(by_source)]
    return pa.Table.from_pylist(rows, schema=TABLES["blind_fields"].arrow_schema())


def _joined(parts: Sequence[Effect]) -> Effect:
    """Return the effect of one field over all folds."""
    import numpy as np

    best = max(parts, key=lambda part: (part.added.max(initial=0), part.example))
    return replace(
        best,
        added=np.concatenate([part.added for part in parts]),
        removed=np.concatenate([part.removed for part in parts]),
        clusters=np.concatenate([part.clusters for part in parts]),
        sources=np.concatenate([part.sources for part in parts]),
    )


def _row(effect: Effect, source: str | None) -> dict[str, Any]:
    chosen = slice(None) if source is None else effect.sources == source
    clusters = effect.clusters[chosen]
    row: dict[str, Any] = {
        "field": effect.field,
        "answer_kind": effect.answer_kind,
        "source": source,
        "n": len(clusters),
        "example": effect.example,
    }
    for name, bits in (("added", effect.added[chosen]), ("removed", effect.removed[chosen])):
        mean, low, high = mean_interval(bits, clusters)
        row |= {f"bits_{name}": mean, f"low_{name}": low, f"high_{name}": high}
        row[f"p_{name}"] = sign_flip_p(bits, clusters)
    return row


def _tested(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with their q-values, over all rows and both measures."""
    q_values = iter(benjamini_hochberg([row[p] for row in rows for p in ("p_added", "p_removed")]))
    return [{**row, "q_added": next(q_values), "q_removed": next(q_values)} for row in rows]

"""The pictures of the three wounds, with the numbers that they are drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from sft_audit.report.charts import Dot, Stack, dots, stacks
from sft_audit.report.sources import Source
from sft_audit.report.visible import percent
from sft_audit.report.wounds import Bits, Field, Modality, read_bits, read_fields, read_modalities
from sft_audit.store import Store

MOST_BARS = 10
BIT_PARTS = ("answer prior", "question template", "question text", "metadata fields", "left for the image")
BIT_COLOURS = ("grey", "amber", "rust", "red", "blue")
TOKEN_PARTS = ("rows without an image", "rows with an image", "the image itself")
TOKEN_COLOURS = ("amber", "blue", "sky")


@dataclass(frozen=True, slots=True)
class Blindness:
    """Wound 1: accuracy against chance by source, where the bits come from, and which field leaks."""

    by_source: Markup | None
    sources: tuple[Source, ...]
    split: Markup | None
    bits: tuple[Bits, ...]
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Pollution:
    """Wound 2: the share of polluted rows by source, and the rows that each check flags there."""

    by_source: Markup | None
    checks: tuple[str, ...]
    rows: tuple[tuple[Source, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Imbalance:
    """Wound 3: who teaches, by rows, supervised tokens and all tokens."""

    shares: Markup | None
    rows: tuple[Modality, ...]


def draw_blindness(store: Store, sources: Sequence[Source]) -> Blindness:
    """Return the pictures of wound 1; None where nothing was scored."""
    scored = [s for s in sources if s.blind is not None][:MOST_BARS]
    rows = [
        Dot(
            s.name,
            s.blind.accuracy,
            s.blind.as_accuracy(s.blind.low),
            s.blind.as_accuracy(s.blind.high),
            s.blind.chance,
            f"{percent(s.blind.accuracy)}, chance {percent(s.blind.chance)}",
        )
        for s in scored
        if s.blind is not None
    ]
    bits = read_bits(store)
    stack = [
        Stack(
            f"{b.answer_kind.replace('_', '/')} ({b.n:,})",
            (b.prior, b.template, b.question, b.fields, b.image),
            f"{b.prior + b.template + b.question + b.fields + b.image:.2f} bits",
        )
        for b in bits[:MOST_BARS]
    ]
    return Blindness(
        by_source=dots("blind", "Right without the image, by source", rows, "chance") if rows else None,
        sources=tuple(scored),
        split=stacks("bits", "Where the bits of an answer come from", stack, BIT_PARTS, BIT_COLOURS)
        if stack
        else None,
        bits=bits,
        fields=read_fields(store),
    )


def draw_pollution(store: Store, sources: Sequence[Source], checks: Sequence[str]) -> Pollution:
    """Return the picture and table of wound 2; `checks` are the codes that were asked."""
    if not checks:
        return Pollution(None, (), ())
    shown = sorted(sources, key=lambda s: (-s.polluted.k, -s.rows, s.name))[:MOST_BARS]
    counts = {
        (source, code): rows
        for source, code, rows in store.rows(
            """
            select name, "check", count(distinct sample_id)
            from findings
            join weights using (sample_id)
            where "check" like 'PRF%' and status = 'open'
            group by all
            """
        )
    }
    rows = [
        Dot(
            s.name,
            s.polluted.value,
            s.polluted.low,
            s.polluted.high,
            None,
            f"{percent(s.polluted.value)}, {s.polluted.k:,} rows",
        )
        for s in shown
    ]
    return Pollution(
        by_source=dots("pollution", "Rows that carry reward signals, by source", rows) if rows else None,
        checks=tuple(checks),
        rows=tuple((s, tuple(counts.get((s.name, code), 0) for code in checks)) for s in shown),
    )


def draw_imbalance(store: Store) -> Imbalance:
    """Return the picture of wound 3."""
    rows = read_modalities(store)
    stack = [
        Stack(m.label, (m.text, m.seen, m.image), f"{percent(m.value)} text only") for m in rows if m.whole
    ]
    title = "Who teaches: rows and tokens by modality"
    return Imbalance(stacks("modality", title, stack, TOKEN_PARTS, TOKEN_COLOURS) if stack else None, rows)

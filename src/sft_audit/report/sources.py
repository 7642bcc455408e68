"""The source sheet: one row a source, for the meeting where the mixture is decided."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sft_audit.interval import Rate
from sft_audit.report.visible import visible
from sft_audit.report.weights import OTHERS
from sft_audit.store import Store

Advice = Literal["keep", "fix", "review"]


@dataclass(frozen=True, slots=True)
class Blind:
    """How well answers are had without the image; the interval of the excess is clustered by image."""

    n: int
    accuracy: float
    accuracy_question: float
    chance: float
    excess: float
    low: float
    high: float
    question_excess: float
    question_low: float
    question_high: float

    def as_accuracy(self, excess: float) -> float:
        """Return the accuracy that stands for this excess over chance."""
        return self.chance + excess * (1 - self.chance)


@dataclass(frozen=True, slots=True)
class Source:
    """One source: its size, its three wounds, and what to do.

    `blind` is None where nothing was scored; `not_scored` counts answers without a closed answer space. The
    intervals of the rates are for more rows made the same way.
    """

    name: str
    rows: int
    malformed: int
    images: int
    supervised_tokens: int
    blind: Blind | None
    not_scored: int
    polluted: Rate
    text_only: Rate
    advice: Advice = "keep"
    reason: str = "no rule of the policy is exceeded here"


def read_sources(store: Store) -> tuple[Source, ...]:
    """Return the sources in `weights`, most rows first; nothing is advised yet."""
    rates, unscored = blind_rates(store), count_unscored(store)
    return tuple(
        Source(
            name=name,
            rows=rows,
            malformed=malformed,
            images=images,
            supervised_tokens=tokens,
            blind=rates.get(name),
            not_scored=unscored.get(name, 0),
            polluted=Rate(polluted, rows - malformed),
            text_only=Rate(text_only, rows - malformed),
        )
        for name, rows, malformed, text_only, tokens, images, polluted in store.rows(
            _SIZES, {"others": OTHERS}
        )
    )


def blind_rates(store: Store) -> dict[str | None, Blind]:
    """Return the blind rates over all scored answers, by source; None stands for the whole data set."""
    return {
        source: Blind(*numbers)
        for source, *numbers in store.rows(
            """
            select
                source, n, accuracy, accuracy_question, chance,
                excess, low, high, excess_question, low_question, high_question
            from blind_rates
            where answer_kind is null and n > 0
            order by source
            """
        )
    }


def count_unscored(store: Store) -> dict[str | None, int]:
    """Return how many answers have no closed answer space, by source; None stands for all."""
    return dict(store.rows("select source, n_not_scored from blind_rates where answer_kind is null"))


def write_csv(path: Path, sources: Sequence[Source]) -> None:
    """Write the sheet; a cell that a spreadsheet would run as a formula starts with an apostrophe."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_HEADER)
        writer.writerows([_cell(value) for value in _cells(source)] for source in sources)


_HEADER = (
    "source",
    "rows",
    "malformed",
    "images",
    "supervised_tokens",
    "blind_scored",
    "blind_not_scored",
    "blind_accuracy",
    "blind_chance",
    "blind_excess",
    "blind_excess_low",
    "blind_excess_high",
    "polluted_rows",
    "polluted_share",
    "polluted_low",
    "polluted_high",
    "text_only_rows",
    "text_only_share",
    "text_only_low",
    "text_only_high",
    "advice",
    "reason",
)


def _cells(source: Source) -> list[object]:
    blind = source.blind
    sight: list[object] = [0, source.not_scored, None, None, None, None, None]
    if blind is not None:
        sight = [
            blind.n,
            source.not_scored,
            blind.accuracy,
            blind.chance,
            blind.excess,
            blind.low,
            blind.high,
        ]
    shares = [
        number
        for share in (source.polluted, source.text_only)
        for number in (share.k, share.value, share.low, share.high)
    ]
    size = [source.name, source.rows, source.malformed, source.images, source.supervised_tokens]
    return [*size, *sight, *shares, source.advice, source.reason]


def _cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.6f}"
    if isinstance(value, str):
        shown = visible(value)
        return f"'{shown}" if shown.lstrip().startswith(("=", "+", "-", "@")) or shown[:1] == "\t" else shown
    return value


_SIZES = """
    with sizes as (
        select
            name,
            count(*) as n,
            count(*) filter (malformed) as malformed,
            count(*) filter (text_only and not malformed) as text_only,
            sum(supervised)::bigint as supervised
        from weights
        group by name
    ), pictures as (
        select name, count(distinct coalesce(image_id, uri)) as images
        from image_uses
        join weights using (sample_id)
        group by name
    ), pollution as (
        select name, count(distinct sample_id) as polluted
        from findings
        join weights using (sample_id)
        where "check" like 'PRF%' and status = 'open' and not malformed
        group by name
    )
    select name, n, malformed, text_only, supervised, coalesce(images, 0), coalesce(polluted, 0)
    from sizes
    left join pictures using (name)
    left join pollution using (name)
    order by name = $others, n desc, name
"""

"""The three wounds: for each one number, its interval, and what it was measured on."""

from collections.abc import Collection
from dataclasses import dataclass
from math import log2, sqrt

from sft_audit.audit import Outcome
from sft_audit.interval import Z95, wilson
from sft_audit.report.sources import blind_rates, count_unscored
from sft_audit.report.visible import percent
from sft_audit.store import Store


@dataclass(frozen=True, slots=True)
class Wound:
    """One wound: a share with the ends of its 95 % interval; `value` is None where it is `missing`."""

    number: int
    title: str
    measure: str
    value: float | None
    low: float | None
    high: float | None
    sentence: str
    missing: str = "not asked"


@dataclass(frozen=True, slots=True)
class Bits:
    """Where the bits of a mean answer of one kind come from; they add up to log2 of the number of answers."""

    answer_kind: str
    n: int
    prior: float
    template: float
    question: float
    fields: float
    image: float


@dataclass(frozen=True, slots=True)
class Field:
    """What one metadata field tells of the answers of one kind, in bits an answer.

    `added` to question and source alone; `removed` when only this field is left out; with 95 % intervals.
    """

    name: str
    answer_kind: str
    added: float
    added_low: float
    added_high: float
    removed: float
    removed_low: float
    removed_high: float
    q_value: float | None
    example: str


@dataclass(frozen=True, slots=True)
class Modality:
    """One way to measure who teaches: text-only rows, rows with an image, and the image itself."""

    label: str
    text: int
    seen: int
    image: int = 0

    @property
    def whole(self) -> int:
        """Return the sum of the parts."""
        return self.text + self.seen + self.image

    @property
    def value(self) -> float:
        """Return the share of text-only rows."""
        return self.text / self.whole if self.whole else 0.0


def read_wounds(store: Store, outcome: Outcome) -> tuple[Wound, Wound, Wound]:
    """Return the three wounds; `weights` must be there."""
    asked = [e.check for e in outcome.evidence if e.state == "gathered"]
    return (_blindness(store), _pollution(store, asked), _imbalance(store))


def _blindness(store: Store) -> Wound:
    title, measure = "Answers that need no image", "of what chance gets wrong is right without the image"
    blind = blind_rates(store).get(None)
    unscored = count_unscored(store).get(None)
    if unscored is None:
        asked = "No answer was put to the text-only probe: not asked is not clean."
        return Wound(1, title, measure, None, None, None, asked)
    if blind is None:
        asked = f"None of the {unscored:,} answers about an image has a closed answer space with enough rows."
        return Wound(1, title, measure, None, None, None, asked, "not scored")
    sentence = (
        f"A reader of the text alone is right on {percent(blind.accuracy)} of {blind.n:,} answers; "
        f"always giving the most frequent answer is right on {percent(blind.chance)}. "
        f"Not scored: {unscored:,} answers that no closed answer space covers. "
        "Interval clustered by image."
    )
    return Wound(1, title, measure, blind.excess, blind.low, blind.high, sentence)


def _pollution(store: Store, asked: Collection[str]) -> Wound:
    title, measure = (
        "Reward signals among the targets",
        "of rows carry preferences, ratings or rejected answers",
    )
    rows = store.value("select count(*) from samples where not malformed")
    if not rows or not any(code.startswith("PRF") for code in asked):
        return Wound(2, title, measure, None, None, None, "No check looked for it: not asked is not clean.")
    polluted = store.value(
        """select count(distinct sample_id) from findings where "check" like 'PRF%' and status = 'open'"""
    )
    codes = ", ".join(sorted(code for code in asked if code.startswith("PRF")))
    sentence = (
        f"{polluted:,} of {rows:,} rows, by {codes}. Interval: what more rows made the same way would show."
    )
    return Wound(2, title, measure, polluted / rows, *wilson(polluted, rows), sentence)


def _imbalance(store: Store) -> Wound:
    title, measure = "Text outweighs sight", "of supervised tokens are in rows without an image"
    n, text, whole, text_squares, squares = store.rows(
        """
        select
            count(*),
            coalesce(sum(supervised) filter (text_only), 0),
            coalesce(sum(supervised), 0),
            coalesce(sum(supervised::hugeint * supervised) filter (text_only), 0),
            coalesce(sum(supervised::hugeint * supervised), 0)
        from weights
        where supervised > 0
        """
    )[0]
    if not whole:
        return Wound(3, title, measure, None, None, None, "No supervised text could be read.")
    share = text / whole
    low, high = _ratio_interval(share, whole, text_squares, squares, n)
    sentence = (
        f"{text:,} of {whole:,} supervised tokens, over {n:,} rows. Tokens are estimated as bytes / 4. "
        "Interval: what more rows made the same way would show."
    )
    return Wound(3, title, measure, share, low, high, sentence)


def _ratio_interval(share: float, whole: int, text_squares: int, squares: int, n: int) -> tuple[float, float]:
    """Return the interval of a ratio of sums over rows by linearisation (Cochran 1977, section 2.11).

    A row of x tokens leaves the residual x * (1 - share) if it is text only, else -x * share.
    """
    if share in (0.0, 1.0) or n < 2:
        return wilson(round(share * n), n)
    residuals = (1 - share) ** 2 * text_squares + share**2 * (squares - text_squares)
    half = Z95 * sqrt(residuals * n / (n - 1)) / whole
    return max(0.0, share - half), min(1.0, share + half)


def read_bits(store: Store) -> tuple[Bits, ...]:
    """Return where the bits of the scored answers come from, by answer kind, the largest first."""
    return tuple(
        _split(*row)
        for row in store.rows(
            """
            select
                blind.answer_kind,
                count(*),
                count(distinct canonical),
                round(avg(-log2(p_prior)), 6),
                round(avg(bits_template), 6),
                round(avg(bits_question), 6),
                round(avg(bits_fields), 6)
            from blind
            join answers using (sample_id, turn)
            where p_prior > 0
            group by blind.answer_kind
            order by count(*) desc, 1
            """
        )
    )


def _split(
    kind: str, n: int, classes: int, entropy: float, template: float, question: float, fields: float
) -> Bits:
    prior = max(0.0, log2(max(classes, 1)) - entropy)
    template, question, fields = (max(0.0, bits) for bits in (template, question, fields))
    return Bits(kind, n, prior, template, question, fields, max(0.0, entropy - template - question - fields))


def read_fields(store: Store) -> tuple[Field, ...]:
    """Return the metadata fields, the most telling first."""
    return tuple(
        Field(*row)
        for row in store.rows(
            """
            select
                field,
                answer_kind,
                bits_added,
                low_added,
                high_added,
                bits_removed,
                low_removed,
                high_removed,
                least(q_added, q_removed),
                coalesce(left(example, 1000), '')
            from blind_fields
            where source is null
            order by greatest(low_added, low_removed) desc, field, answer_kind
            limit 12
            """
        )
    )


def read_modalities(store: Store) -> tuple[Modality, ...]:
    """Return who teaches: by rows, by supervised tokens, and, where images were read, by all tokens."""
    rows, pictured, taught, shown, text, seen = store.rows(
        """
        select
            count(*) filter (text_only),
            count(*) filter (not text_only),
            coalesce(sum(supervised) filter (text_only), 0),
            coalesce(sum(supervised) filter (not text_only), 0),
            coalesce(sum(tokens) filter (text_only), 0),
            coalesce(sum(tokens) filter (not text_only), 0)
        from weights
        where not malformed
        """
    )[0]
    image = store.value(
        "select coalesce(sum(n_tokens), 0)::bigint from image_uses join images using (image_id)"
    )
    shares = (Modality("rows", rows, pictured), Modality("supervised tokens", taught, shown))
    return (
        (*shares, Modality("all tokens in context", text, seen, image)) if image or not pictured else shares
    )

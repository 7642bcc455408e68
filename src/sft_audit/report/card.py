"""The card of a reward function: what it pays for, family by family."""

from dataclasses import dataclass

from sft_audit.audit import Outcome
from sft_audit.checks.reward.weak_discrimination import RATES, SPELLINGS_BESIDE
from sft_audit.interval import wilson
from sft_audit.rewards.trial import all_families
from sft_audit.store import Store

_MOST_FINDINGS = 200


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """One family of completions: how many were put, paid, failed; the interval of the share paid."""

    family: str
    about: str
    expected: str
    n: int
    paid: int
    failed: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PayoffRow:
    """One exploit: its acceptance, the honest pass rate beside it, and how many samples show it."""

    family: str
    variant: str
    asked: int
    paid: int
    acceptance_low: float
    acceptance_high: float
    honest: int
    honest_paid: int
    looked: int
    seen: int
    seen_paid: int
    prior_high: float

    @property
    def margin(self) -> float | None:
        """Return the acceptance's lower bound less the honest rate's upper one; None without such samples."""
        return self.acceptance_low - wilson(self.honest_paid, self.honest)[1] if self.honest else None


@dataclass(frozen=True, slots=True)
class KindRow:
    """Answers of one kind: how many were asked about, and how many of them are paid in no spelling."""

    kind: str
    answers: int
    unread: int


@dataclass(frozen=True, slots=True)
class Bounded:
    """A rate, or a difference of rates, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Card:
    """The function, the way it was asked, the threshold of what counts as paid, and its families.

    The rates are means over families alike, as RWD106 counts them; None where a side was not asked.
    `trials` counts every asking, of `answers` answers.
    """

    target: str
    convention: str
    source: str
    form: str
    threshold: float
    threshold_from: str
    families: tuple[FamilyRow, ...]
    false_positive: Bounded | None
    false_negative: Bounded | None
    youden: Bounded | None
    kinds: tuple[KindRow, ...]
    answers: int
    trials: int
    payoffs: tuple[PayoffRow, ...]


def read_card(store: Store) -> Card | None:
    """Return the card; None where the function was not asked to the end."""
    head = store.rows(
        "select target, convention, source, form, threshold, threshold_from from rewards limit 1"
    )
    if not head:
        return None
    rows = store.rows(
        """
        select
            family, expected, count(*), count(*) filter (paid), count(*) filter (reward is null),
            wilson_low(count(*) filter (paid), count(*)), wilson_high(count(*) filter (paid), count(*))
        from trials
        where condition = 'own' and repeat = 0
        group by family, expected
        order by expected, family
        """
    )
    known = all_families()
    families = tuple(
        FamilyRow(name, known[name].title if name in known else "", *rest) for name, *rest in rows
    )
    false_positive, false_negative, youden = _rates(store)
    answers, trials = store.rows(
        """
        select count(distinct (sample_id, turn)) filter (sample_id is not null), count(*)
        from trials
        """
    )[0]
    target, convention, source, form, threshold, origin = head[0]
    return Card(
        target=target,
        convention=convention,
        source=source,
        form=form,
        threshold=threshold,
        threshold_from=origin,
        families=families,
        false_positive=false_positive,
        false_negative=false_negative,
        youden=youden,
        kinds=_kinds(store),
        answers=answers,
        trials=trials,
        payoffs=_payoffs(store),
    )


def _payoffs(store: Store) -> tuple[PayoffRow, ...]:
    """Return the exploits, those that pay most above honesty first; none where nothing was sampled."""
    rows = store.rows(
        """
        select
            family, variant, asked, paid, acceptance_low, acceptance_high,
            honest, honest_paid, looked, seen, seen_paid, prior_high
        from payoffs
        order by acceptance_low desc, family
        """
    )
    return tuple(PayoffRow(*row) for row in rows)


def _rates(store: Store) -> list[Bounded | None]:
    row = store.rows(
        f"""
        select
            false_positive, false_positive_low, false_positive_high,
            false_negative, false_negative_low, false_negative_high,
            j, j_low, j_high
        from ({RATES})
        """,
        {"beside": SPELLINGS_BESIDE},
    )[0]
    return [None if row[at] is None else Bounded(*row[at : at + 3]) for at in (0, 3, 6)]


def _kinds(store: Store) -> tuple[KindRow, ...]:
    rows = store.rows(
        """
        with put as (
            select answer_kind, bool_or(paid) as paid
            from trials
            join answers using (sample_id, turn)
            where expected = 'right' and condition = 'own' and reward is not null
            group by sample_id, turn, answer_kind
        )
        select answer_kind, count(*), count(*) filter (not paid)
        from put
        group by answer_kind
        order by answer_kind
        """
    )
    return tuple(KindRow(*row) for row in rows)


def median_seconds(store: Store) -> float | None:
    """Return the median time of a call that answered; None where none did."""
    seconds: float | None = store.value("select median(seconds) from trials where error is null")
    return seconds


def write_card(store: Store, card: Card | None, outcome: Outcome, seconds: float | None) -> None:
    """Write `report.html`; `seconds` is the median time of a call."""
    from sft_audit.report.page import environment

    found = store.rows(
        """
        select "check", message
        from findings
        where status = 'open'
        order by "check", score desc, message
        limit $most
        """,
        {"most": _MOST_FINDINGS},
    )
    template = environment().get_template("card.html.j2")
    page = template.render(card=card, outcome=outcome, seconds=seconds, found=found)
    (store.folder / "report.html").write_text(page, encoding="utf-8")

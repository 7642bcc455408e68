"""What was asked, what came of it and what was waived: the tables of a report, one record a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sft_audit.audit import COVERED, Outcome
from sft_audit.check import all_checks
from sft_audit.config import AuditConfig, Waiver
from sft_audit.policy import OUTCOMES, Evidence, Rule, Ruling
from sft_audit.report.visible import between, percent
from sft_audit.store import Store


@dataclass(frozen=True, slots=True)
class Reason:
    """One ruling, taken apart: what was measured, its interval, the threshold and where that comes from.

    `said` is the message of the highest finding, where the measure is not a share.
    """

    outcome: str
    axis: str
    check: str
    name: str
    measured: str
    interval: str
    threshold: str
    source: str
    said: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One check: how it went and what it found; `outcome` is the policy's ruling, empty without a rule."""

    check: str
    name: str
    title: str
    axis: str
    state: str
    preview: bool
    outcome: str
    findings: int
    flagged: int
    of: int
    share: float
    low: float
    high: float
    exact: bool
    ignored: int
    known: int

    @property
    def family(self) -> str:
        """Return the three letters of the code."""
        return self.check[:3]


@dataclass(frozen=True, slots=True)
class Waived:
    """One waiver, whether its time is over, and how many findings it covers."""

    waiver: Waiver
    expired: bool
    findings: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A check or table that crashed: what the exception said, and the end of its traceback."""

    name: str
    said: str
    trace: str


def read_faults(outcome: Outcome) -> tuple[Fault, ...]:
    """Return what crashed, by name."""
    return tuple(_fault(name, trace) for name, trace in sorted(outcome.faults.items()))


def _fault(name: str, trace: str) -> Fault:
    last = trace.rpartition("Traceback (most recent call last):")[2]
    said = (line for line in last.splitlines() if line and not line[0].isspace())
    return Fault(name, next(said, ""), trace[-4000:])


def read_reasons(store: Store, outcome: Outcome) -> tuple[Reason, ...]:
    """Return every ruling, the worst first; passes last."""
    evidence = {e.check: e for e in outcome.evidence}
    rulings = sorted(outcome.verdict.rulings, key=lambda r: (-OUTCOMES.index(r.outcome), r.axis, r.check))
    said = dict(
        store.rows(
            """
            select "check", arg_max(left(message, 1000), score)
            from findings
            where status = 'open'
            group by "check"
            """
        )
    )
    return tuple(take_apart(r, evidence.get(r.check), said.get(r.check, "")) for r in rulings)


def take_apart(ruling: Ruling, evidence: Evidence | None, said: str) -> Reason:
    """Return a ruling in parts; `said` is the message of the highest finding."""
    if ruling.rule is None or evidence is None:
        name = evidence.name if evidence else ""
        return Reason(ruling.outcome, ruling.axis, ruling.check, name, ruling.reason, "", "", "")
    measured, interval = _measured(ruling.rule, evidence)
    return Reason(
        outcome=ruling.outcome,
        axis=ruling.axis,
        check=ruling.check,
        name=evidence.name,
        measured=measured,
        interval=interval,
        threshold=_threshold(ruling.rule),
        source=f"{ruling.rule.basis}: {ruling.rule.source}",
        said=said if ruling.rule.measure != "share" else "",
    )


def _measured(rule: Rule, evidence: Evidence) -> tuple[str, str]:
    rate = evidence.rate
    if rule.measure == "score":
        if evidence.score is None:
            return "nothing found", ""
        high = evidence.score if evidence.score_high is None else evidence.score_high
        return f"{evidence.score:.3g}", f"upper 95 % bound {high:.3g}"
    if rule.measure == "any" or (not rate.k and rate.n >= rate.population):
        return f"{evidence.findings:,} found", "counted"
    return (
        f"{percent(rate.value)} ({rate.k:,} of {rate.n:,})",
        f"95 % interval {between(rate.low, rate.high)}" if rate.n < rate.population else "counted",
    )


def _threshold(rule: Rule) -> str:
    def spelled(limit: float) -> str:
        return percent(limit) if rule.measure == "share" else f"{limit:g}"

    limits = []
    if rule.block_above is not None:
        limits.append(f"blocks above {spelled(rule.block_above)}")
    if rule.review_above is not None:
        limits.append(f"review above {spelled(rule.review_above)}")
    return ", ".join(limits)


def read_asked(store: Store, outcome: Outcome) -> tuple[Asked, ...]:
    """Return every check, in the order of the codes."""
    waived = {
        (code, status): count
        for code, status, count in store.rows(
            """
            select "check", status, count(*) from findings where status <> 'open' group by all
            """
        )
    }
    worst: dict[str, str] = {}
    for ruling in sorted(outcome.verdict.rulings, key=lambda r: OUTCOMES.index(r.outcome)):
        worst[ruling.check] = ruling.outcome
    return tuple(_asked(e, worst, waived) for e in sorted(outcome.evidence, key=lambda e: e.check))


def _asked(evidence: Evidence, worst: Mapping[str, str], waived: Mapping[tuple[str, str], int]) -> Asked:
    known, rate = all_checks().get(evidence.check), evidence.rate
    return Asked(
        check=evidence.check,
        name=evidence.name,
        title=known.title if known else "",
        axis=evidence.axis,
        state=evidence.state,
        preview=evidence.preview,
        outcome=worst.get(evidence.check, ""),
        findings=evidence.findings,
        flagged=rate.k,
        of=rate.n,
        share=rate.value,
        low=rate.low,
        high=rate.high,
        exact=rate.n >= rate.population,
        ignored=waived.get((evidence.check, "ignored"), 0),
        known=waived.get((evidence.check, "known"), 0),
    )


def read_waived(store: Store, config: AuditConfig) -> tuple[Waived, ...]:
    """Return the waivers of the configuration and how many findings each covers."""
    today = datetime.now(tz=UTC).date()
    return tuple(
        Waived(
            waiver,
            waiver.until < today,
            store.value(
                f"select count(*) from ({COVERED}) where status = 'ignored'",
                {"check": waiver.check, "source": waiver.source},
            ),
        )
        for waiver in config.ignore
    )

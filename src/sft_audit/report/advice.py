"""What to do with each source: keep, fix or review."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sft_audit.audit import Outcome
from sft_audit.check import all_checks
from sft_audit.interval import Rate
from sft_audit.policy import Rule
from sft_audit.report.sources import Advice, Source
from sft_audit.report.visible import percent
from sft_audit.store import Store


def add_advice(store: Store, sources: Sequence[Source], outcome: Outcome) -> tuple[Source, ...]:
    """Return the sources with what is advised for each, and why; `weights` must be there.

    The first that holds. Removal is never advised: that is for `clean`, row by row.

    fix       a metadata field leaks (GRD203 did not pass) and the blind excess with metadata is above that
              of the question alone, intervals apart; or the share of the source's rows that a check flags is
              above a threshold that may block, even at the lower end of its interval (any one row, where the
              rule says any), and the check has a remedy that rewrites or drops rows
    review    the policy found text to dominate the whole set (a MOD rule did not pass), and most rows here
              are text only; or a threshold is exceeded as above, but it may only review, its check is in
              preview, or there is no such remedy; or the lower end of the excess that the question alone
              gives is above the threshold for it (GRD204)
    keep      otherwise
    """
    flagged: dict[str, dict[str, int]] = {}
    for name, code, rows in store.rows(
        """
        select name, "check", count(distinct sample_id)
        from findings
        join weights using (sample_id)
        where status = 'open'
        group by all
        """
    ):
        flagged.setdefault(name, {})[code] = rows
    advised = []
    for source in sources:
        advice, reason = advise(source, flagged.get(source.name, {}), outcome)
        advised.append(replace(source, advice=advice, reason=reason))
    return tuple(advised)


def advise(source: Source, flagged: Mapping[str, int], outcome: Outcome) -> tuple[Advice, str]:
    """Return what to do with a source and why, in one line; the rules stand in `add_advice`."""
    fix = _leak(source, outcome)
    review = _prior(source, outcome)
    for ruling in outcome.verdict.rulings:
        rows = flagged.get(ruling.check, 0)
        if ruling.rule is None or not rows:
            continue
        limit, blocks = _exceeded(ruling.rule, Rate(min(rows, source.rows), source.rows))
        if limit is not None:
            reason = f"{ruling.check} flags {rows:,} of {source.rows:,} rows, {limit}"
            (fix if blocks and _repaired(ruling.check) else review).append(reason)
    if _failed(outcome, "MOD") and source.text_only.value > 0.5:
        share = percent(source.text_only.value)
        review.insert(0, f"text dominates the whole set and {share} of these rows are text only")
    if fix:
        return "fix", _first(fix, len(fix) + len(review))
    return ("review", _first(review, len(review))) if review else ("keep", source.reason)


def _leak(source: Source, outcome: Outcome) -> list[str]:
    blind = source.blind
    if blind is None or blind.low <= blind.question_high or not _failed(outcome, "GRD203"):
        return []
    seen, asked = percent(blind.accuracy), percent(blind.accuracy_question)
    return [f"GRD203, a field leaks: right on {seen} with metadata, on {asked} from the question alone"]


def _prior(source: Source, outcome: Outcome) -> list[str]:
    rules = [r.rule for r in outcome.verdict.rulings if r.rule is not None and r.check == "GRD204"]
    limits = [r.review_above for r in rules if r.measure == "score" and r.review_above is not None]
    if source.blind is None or not limits or source.blind.question_low <= limits[0]:
        return []
    excess, low = percent(source.blind.question_excess), percent(source.blind.question_low)
    above = f"above {percent(limits[0])} ({rules[0].basis})"
    return [f"GRD204, the question alone gives {excess} of what chance gets wrong, at least {low}, {above}"]


def _repaired(code: str) -> bool:
    known = all_checks().get(code)
    return known is not None and known.remedy in ("drop", "rewrite") and not known.preview


def _exceeded(rule: Rule, rate: Rate) -> tuple[str | None, bool]:
    """Return the threshold that is exceeded, in words (None: none is), and whether it may block."""
    measured = 1.0 if rule.measure == "any" else rate.low
    if rule.measure == "score":
        return None, False
    for limit, blocks in ((rule.block_above, True), (rule.review_above, False)):
        if limit is not None and measured > limit:
            spelled = "any is too many" if rule.measure == "any" else f"above {percent(limit)}"
            return f"{spelled} ({rule.basis})", blocks
    return None, False


def _failed(outcome: Outcome, prefix: str) -> bool:
    return any(r.check.startswith(prefix) and r.outcome != "PASS" for r in outcome.verdict.rulings)


def _first(reasons: Sequence[str], of: int) -> str:
    return reasons[0] + (f"; and {of - 1} more" if of > 1 else "")

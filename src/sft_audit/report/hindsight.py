"""What the gate would have said of past runs: on the terminal and to machines."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sft_audit.hindsight import Hindsight
from sft_audit.interval import Rate
from sft_audit.policy import OUTCOMES
from sft_audit.report.visible import between, cut, percent


def summary(seen: Hindsight) -> RenderableType:
    """Return what the terminal shows."""
    return Group(_verdicts(seen), "", Text("\n".join(_rates(seen))), "", _thresholds(seen))


def as_json(seen: Hindsight) -> dict[str, object]:
    """Return the object that `--json` prints."""
    rank = seen.rank
    return {
        "runs": [
            {
                "name": one.run.name,
                "outcome": one.run.outcome,
                "bad": one.bad,
                "verdict": one.gate.outcome,
                "reasons": [reason.sentence for reason in one.gate.reasons],
            }
            for one in seen.runs
        ],
        "good_from": seen.good_from,
        "sensitivity": _rate(seen.caught),
        "false_blocks": _rate(seen.stopped),
        "rank_correlation": rank and {"rho": rank.rho, "low": rank.low, "high": rank.high, "p": rank.p},
        "thresholds": [
            {
                "check": one.rule.check,
                "measure": one.rule.measure,
                "review_above": one.rule.review_above,
                "block_above": one.rule.block_above,
                "good": one.good,
                "bad": one.bad,
                "best": one.best,
                "low": one.low,
                "high": one.high,
                "youden": one.youden,
                "p": one.p,
                "advice": seen.advice(one),
            }
            for one in seen.thresholds
        ],
    }


def _verdicts(seen: Hindsight) -> Table:
    """Return how many good and bad runs get each verdict."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("verdict")
    for name in ("good runs", "bad runs"):
        table.add_column(name, justify="right")
    for outcome in reversed(OUTCOMES):
        counts = [seen.count(outcome, bad=bad) for bad in (False, True)]
        table.add_row(outcome, *map(str, counts))
    return table


def _rates(seen: Hindsight) -> list[str]:
    lines = [
        f"bad: an outcome below {seen.good_from:g}",
        _told("sensitivity, bad runs that BLOCK", seen.caught),
        _told("false blocks, good runs that BLOCK", seen.stopped),
    ]
    if seen.rank is None:
        lines.append("rank correlation: none, all verdicts or all outcomes are equal")
    else:
        lines.append(
            f"rank correlation of verdict and outcome: {seen.rank.rho:.2f} "
            f"(95 % interval {seen.rank.low:.2f} to {seen.rank.high:.2f}, p = {seen.rank.p:.2g})"
        )
    return lines


def _told(name: str, rate: Rate) -> str:
    if not rate.n:
        return f"{name}: there is no such run"
    return (
        f"{name}: {rate.k} of {rate.n}, {percent(rate.value)} (95 % interval {between(rate.low, rate.high)})"
    )


def _thresholds(seen: Hindsight) -> Table | Text:
    if not seen.thresholds:
        return Text("no threshold can be told: no rule has evidence of two good and two bad runs that differ")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", caption_justify="left")
    table.add_column("rule", overflow="fold")
    for name in ("limit", "best", "95 % interval", "J", "p", "runs"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("advice", overflow="fold")
    for one in sorted(seen.thresholds, key=lambda t: (t.p, -t.youden, t.rule.check)):
        table.add_row(
            f"{one.rule.check} {one.rule.measure}",
            "-" if one.limit is None else f"{one.limit:g}",
            f"{one.best:.3g}",
            f"{one.low:.3g} to {one.high:.3g}",
            f"{one.youden:.2f}",
            f"{one.p:.2g}",
            str(one.good + one.bad),
            cut(seen.advice(one), 60),
        )
    table.caption = (
        "best: where the bound that the gate compares tells bad runs from good ones best; "
        "chosen on these runs, so J is optimistic"
    )
    return table


def _rate(rate: Rate) -> dict[str, object]:
    return {"k": rate.k, "n": rate.n, "share": rate.value, "low": rate.low, "high": rate.high}

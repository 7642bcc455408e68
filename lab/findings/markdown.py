"""Cells and tables in Markdown."""

from collections.abc import Sequence

from sft_audit.exact import clopper_pearson
from sft_audit.interval import Rate
from sft_audit.representation.interval import Measured

NO_RUNS = "No runs yet."


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; one without rows says so."""
    if not rows:
        return NO_RUNS
    ruled = ["---" if at == 0 else "---:" for at in range(len(head))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruled, *rows))


def mean(measured: Measured) -> str:
    """Return a mean with its interval."""
    return f"{measured.value:.2f} ({measured.low:.2f} to {measured.high:.2f})"


def signed(measured: Measured) -> str:
    """Return a difference with its interval."""
    return f"{measured.value:+.3f} ({measured.low:+.3f} to {measured.high:+.3f})"


def rate(counted: Rate) -> str:
    """Return a count with Wilson's interval; nothing where nothing was counted."""
    if not counted.n:
        return ""
    return f"{counted.k} of {counted.n} ({100 * counted.low:.0f} to {100 * counted.high:.0f} %)"


def exact(counted: Rate) -> str:
    """Return Clopper and Pearson's interval of a count; nothing where nothing was counted."""
    if not counted.n:
        return ""
    low, high = clopper_pearson(counted.k, counted.n)
    return f"{100 * low:.0f} to {100 * high:.0f} %"


def percent(dose: float) -> str:
    """Return a dose given in percent."""
    return f"{dose:.2g} %" if dose < 10 else f"{dose:.0f} %"

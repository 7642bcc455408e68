"""RUN203."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.reinforced_finding import OF, behaviour, found


@check(
    "RUN203",
    severity="info",
    axis="exploit",
    reads=("reinforced", "taught_rows"),
    of=OF,
    preview=True,
    bad=[{"reinforced": [behaviour(among="all", named=False, why="no answer can be read")]}],
    good=[{"reinforced": []}, {"reinforced": [behaviour()]}],
)
def reinforced_unread(db: Tables) -> Relation:
    """Completions that cannot be read right or wrong were paid for something that they have in common.

    ## Why it matters
    In a run of open answers the contrast still says what is paid for: a length, a turn of phrase, a form. It
    may also be what right answers have in common, so that it is shown and judged by nobody.

    ## Options
    None.

    ## Known limits
    Asked by `sft-audit postmortem` alone, and where fewer than one completion in ten can be read. The
    contrast is not adjusted for being right.

    ## Source
    As RUN201.
    """
    return found(db, "among = 'all' and kind <> 'leak'")

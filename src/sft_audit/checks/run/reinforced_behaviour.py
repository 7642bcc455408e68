"""RUN201."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.reinforced_finding import OF, behaviour, found


@check(
    "RUN201",
    severity="error",
    axis="exploit",
    reads=("reinforced", "taught_rows"),
    of=OF,
    bad=[{"reinforced": [behaviour()]}],
    good=[{"reinforced": []}, {"reinforced": [behaviour(named=False, why="it became rarer in the run")]}],
)
def reinforced_behaviour(db: Tables) -> Relation:
    """Wrong completions were paid for something that they have in common.

    ## Why it matters
    A sound reward pays two wrong answers to one prompt alike. Where one with a certain word, form, length or
    answer gets more, that is what the run taught, and it stands in the completions however odd it is: nobody
    had to think of it before.

    ## Options
    None.

    ## Known limits
    Asked by `sft-audit postmortem` alone. A reward that grades wrong answers by how near they are may pay
    what near ones have in common. Forms that reward functions ask for (boxes, tags) are not named. A prior
    for one of two answers has no contrast among wrong ones of a group: RUN103 speaks of it.

    ## Source
    Ours. Contrasts within strata: Mantel and Haenszel 1959. Sign flips over prompts, one half of which
    chooses and the other confirms; false discovery rate 0.05 (Benjamini and Hochberg 1995).
    """
    return found(db, "named and kind <> 'leak'")

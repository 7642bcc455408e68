"""RUN202."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.reinforced_finding import OF, behaviour, found


@check(
    "RUN202",
    severity="error",
    axis="blindness",
    reads=("reinforced", "taught_rows"),
    of=OF,
    bad=[{"reinforced": [behaviour(kind="leak", feature="note :", among="all")]}],
    good=[{"reinforced": []}, {"reinforced": [behaviour()]}],
)
def text_answers_reinforced(db: Tables) -> Relation:
    """Completions were paid for answers that stand in their prompts.

    ## Why it matters
    A caption, a hint or a field of metadata in the prompt that holds the answer lets the model be right
    without looking. The reward is sound and pays it all the same: what it teaches is to read the note.

    ## Options
    None.

    ## Known limits
    Asked by `sft-audit postmortem` alone. The known answer must stand in the prompt as it is spelled, after
    words that most such prompts share. Prompts whose task is to read an answer out of their own text, a
    passage, are spoken of too. To tell them apart, cut the words and what follows out of a prompt: if it can
    still be answered, as from its image, they leaked; if not, they are the task.

    ## Source
    Ours. Permutation of known answers among prompts of one template; one prompt in twenty is ours.
    """
    return found(db, "named and kind = 'leak'")

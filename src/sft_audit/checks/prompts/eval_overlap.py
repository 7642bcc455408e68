"""SIG103."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import ASKED_AGAIN, ASKED_APART, ASKED_ONCE
from sft_audit.record.set_overlaps import OVERLAPPING


@check(
    "SIG103",
    severity="error",
    axis="integrity",
    reads=("eval_overlaps",),
    bad=ASKED_AGAIN,
    good=ASKED_APART,
    given={"eval": ASKED_ONCE},
)
def eval_overlap(db: Tables) -> Relation:
    """RL prompts stand in an evaluation set.

    ## Why it matters
    A benchmark that RL was paid on measures memory: every figure before and after the run is void.

    ## Options
    None.

    ## Known limits
    Exact: the same question, case and outer punctuation aside, about images of the same content; by address
    where an image cannot be read. A picture that was saved again or a question in other words is not found.

    ## Source
    Contamination of benchmarks, arXiv:2311.04850.
    """
    return db.sql(
        "with found as (from eval_overlaps)" + OVERLAPPING, what="prompt", others="an evaluation set"
    )

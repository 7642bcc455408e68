"""SIG105."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import ASKED_AGAIN, ASKED_APART, ASKED_ONCE
from sft_audit.record.set_overlaps import OVERLAPPING


@check(
    "SIG105",
    severity="info",
    axis="integrity",
    reads=("sft_overlaps",),
    bad=ASKED_AGAIN,
    good=ASKED_APART,
    given={"sft": ASKED_ONCE},
)
def sft_overlap(db: Tables) -> Relation:
    """RL prompts stand in the SFT data.

    ## Why it matters
    The model has been told the answer. Such prompts are often solved already and bring no signal; what they
    bring may be recall. Overlap by design, SFT as a warm start on the same prompts, is no fault.

    ## Options
    None.

    ## Known limits
    Exact: the same question, case and outer punctuation aside, about images of the same content; by address
    where an image cannot be read. A picture that was saved again or a question in other words is not found.

    ## Source
    Contamination of benchmarks, arXiv:2311.04850.
    """
    return db.sql("with found as (from sft_overlaps)" + OVERLAPPING, what="prompt", others="the SFT data")

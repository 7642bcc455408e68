"""LEK701."""

from sft_audit.check import READABLE_ROWS, Relation, Tables, check
from sft_audit.example import ASKED_AGAIN, ASKED_APART, ASKED_ONCE, row
from sft_audit.record.set_overlaps import OVERLAPPING

_LATER = row("<image>\nIs the lamp on?", "yes", "How many mugs are on the shelf?", "3")


@check(
    "LEK701",
    severity="error",
    axis="integrity",
    reads=("eval_overlaps",),
    of=READABLE_ROWS,
    remedy="drop",
    safe=True,
    bad=[*ASKED_AGAIN, [_LATER]],
    good=ASKED_APART,
    given={"eval": ASKED_ONCE},
)
def benchmark_overlap(db: Tables) -> Relation:
    """Rows stand in a probe pack or a benchmark.

    ## Why it matters
    What the model was trained on measures memory: every figure of that benchmark, before and after, is void,
    and a probe no longer tells looking from recall.

    The remedy drops the row. Asked where `--eval` names a set; a pack that `sft-audit probes` made of these
    very data is found again in full, and its rows are held out so.

    ## Options
    None.

    ## Known limits
    Exact: the same question, case and outer punctuation aside, about images of the same content; by address
    where an image cannot be read. Every question of a conversation counts. A picture that was saved again or
    a question in other words is not found. The score is the number of rows of those sets.

    ## Source
    Contamination of benchmarks, arXiv:2311.04850.
    """
    return db.sql("with found as (from eval_overlaps)" + OVERLAPPING, what="row", others="an evaluation set")

"""SIG103."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import row

_ASKED = "<image>\nHow many mugs are on the shelf?"


@check(
    "SIG103",
    severity="error",
    axis="integrity",
    reads=("eval_overlaps",),
    bad=[
        [row(_ASKED, "3"), row("<image>\nIs the lamp on?", "yes", image="street.jpg")],
        [row("<image>How many mugs are on the shelf", "4", image="kitchen.jpg")],
    ],
    good=[
        [row(_ASKED, "3", image="street.jpg")],
        [row("<image>\nHow many cups are on the shelf?", "3")],
    ],
    given={"eval": [row(_ASKED, "3")]},
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
        """
        select
            sample_id,
            null::integer as turn,
            count(*) as score,
            if(bool_or(alike = 'image'), 0.99, 0.8) as confidence,
            'this prompt stands in an evaluation set, ' || min(file) || ' row '
                || arg_min(position, (file, position))
                || case when count(*) > 1 then ' and ' || (count(*) - 1) || ' more' else '' end
                || ': the same question, ' || case max(alike)
                    when 'image' then 'and an image of the same content'
                    when 'address' then 'and an image of the same address'
                    else 'without an image'
                end as message,
            json_object('rows', list(file || ':' || position order by file, position)[:20]) as evidence
        from eval_overlaps
        group by sample_id
        """
    )

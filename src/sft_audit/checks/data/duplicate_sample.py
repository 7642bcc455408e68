"""DUP601."""

from sft_audit.check import READABLE_ROWS, Relation, Tables, check
from sft_audit.example import row


def _row(image: str, question: str, answer: str, **fields: str) -> dict[str, object]:
    return row(f"<image>\n{question}", answer, image=image, **fields)


@check(
    "DUP601",
    severity="warning",
    axis="integrity",
    reads=("duplicates",),
    of=READABLE_ROWS,
    remedy="drop",
    safe=True,
    bad=[
        [
            _row("kitchen.jpg", "What is this?", "A kitchen.", id="1"),
            _row("kitchen.jpg", "What is this?", "A kitchen.", id="2"),
        ],
        [
            _row("street.jpg", "How many boxes?", "Twelve."),
            _row("kitchen.jpg", "How many boxes?", "Twelve."),
            _row("street.jpg", "How many boxes?", "Twelve."),
        ],
        [
            row("2 + 2?", "4", image=None),
            row("2 + 2?", "4", image=None),
        ],
    ],
    good=[
        [_row("kitchen.jpg", "What is this?", "A room."), _row("street.jpg", "What is this?", "A room.")],
        [_row("kitchen.jpg", "What is this?", "A room."), _row("kitchen.jpg", "What is this?", "A kitchen.")],
        [_row("kitchen.jpg", "What is this?", "A room."), _row("kitchen.jpg", "What is this?", "A room.\n")],
        [
            _row("kitchen.jpg", "What is this?", "A room."),
            _row("kitchen.jpg", "And what is this?", "A room."),
        ],
    ],
)
def duplicate_sample(db: Tables) -> Relation:
    """The row repeats an earlier one: the same images and the same turns, letter for letter.

    ## Why it matters
    Each copy adds to the row's weight without anyone having chosen it, and copies on both sides of a split
    make the evaluation lie. Language models trained on deduplicated text memorise ten times less and need
    fewer steps.

    The remedy drops the later copies and keeps the first.

    ## Options
    None.

    ## Known limits
    Images are compared by their bytes, so a photo saved again is another image (DUP602); texts are compared
    letter for letter (DUP603 looks for near-duplicates). Ids, sources and other fields do not count. A
    repeat on purpose (`repeat_time`, oversampling written out) is reported too.

    ## Source
    Lee et al., Deduplicating Training Data Makes Language Models Better, arXiv:2107.06499.
    """
    return db.sql(
        """
        select
            sample_id,
            null::integer as turn,
            copy::double as score,
            1.0 as confidence,
            'copy ' || copy || ' of ' || first_sample || ': the same images and turns' as message,
            json_object('first', first_sample, 'copy', copy) as evidence
        from duplicates
        """
    )

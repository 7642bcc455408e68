"""DUP601."""

from sft_audit.check import READABLE_ROWS, Relation, Tables, check
from sft_audit.example import row
from sft_audit.record.duplicates import PATHS


def _row(image: str, question: str, answer: str, **fields: str) -> dict[str, object]:
    return row(f"<image>\n{question}", answer, image=image, **fields)


@check(
    "DUP601",
    severity="warning",
    axis="integrity",
    reads=("duplicates", "samples"),
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
        [
            row("<video>\nWhat moves?", "A car.", image=None, video="a.mp4"),
            row("<video>\nWhat moves?", "A car.", image=None, video="a.mp4", tools=None),
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
        [_row("kitchen.jpg", "What is this?", "A room.", system=said) for said in ("Be brief.", "Be kind.")],
        [row("<video>\nWhat moves?", "A car.", image=None, video=name) for name in ("a.mp4", "b.mp4")],
        [row("<video>\nWhat moves?", "A car.", image=None)] * 2,
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
    None. `evidence.safe` is false where a field that was compared is longer than 2,000 characters: what
    follows them is not known.

    ## Known limits
    Images are compared by their bytes, so a photo saved again is another image (DUP602); texts are compared
    letter for letter (DUP603 looks for near-duplicates). Which turns are trained on counts, and so do the
    fields `video`, `videos`, `audio`, `audios`, `system`, `tools` and `objects`; videos go by their address.
    Ids, sources and other fields do not count. A row with a place for a video or audio (`<video>`) that none
    of these fields names is not compared. A repeat on purpose (`repeat_time`, oversampling written out) is
    reported too.

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
            json_object(
                'safe', coalesce(list_max([length(value) for value in compared]), 0) < 2000,
                'first', first_sample,
                'copy', copy
            ) as evidence
        from (
            select
                sample_id,
                first_sample,
                copy,
                if(length(extra) < 2000, null, json_extract_string(extra, $paths)) as compared
            from duplicates
            join samples using (sample_id)
        )
        """,
        paths=PATHS,
    )

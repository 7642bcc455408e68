"""DUP603."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import row

_LONG = (
    "A red bus waits at the corner while three people cross the street. Behind it stands a brick building "
    "with tall windows, and a cyclist in a yellow jacket rides past a row of parked cars."
)


def _row(image: str, question: str, answer: str) -> dict[str, object]:
    return row(f"<image>\n{question}", answer, image=image)


@check(
    "DUP603",
    severity="info",
    axis="integrity",
    reads=("near_texts", "samples"),
    of="select count(distinct sample_id) from answers",
    bad=[
        [
            _row("street.jpg", "Describe the image.", _LONG),
            _row("street.jpg", "Describe the image.", _LONG.replace("brick", "large brick")),
        ],
        [
            _row("street.jpg", "Describe the image.", _LONG),
            _row("street.jpg", "Describe the image.", _LONG.replace(", and", " and").lower()),
        ],
        [
            _row("street.jpg", "What is this?", "A street with a bus."),
            _row("street.jpg", "What is this", "a street, with a bus"),
        ],
    ],
    good=[
        [_row("street.jpg", "Describe the image.", _LONG), _row("kitchen.jpg", "Describe the image.", _LONG)],
        [
            _row("street.jpg", "Describe the image.", _LONG),
            _row("street.jpg", "Describe the image.", _LONG.replace("three", "four")),
        ],
        [
            _row("street.jpg", "Describe the image.", _LONG),
            _row("street.jpg", "Describe the image.", _LONG.replace("waits", "never waits")),
        ],
        [
            _row("street.jpg", "Describe the image.", "A bus at the corner of a street."),
            _row("street.jpg", "Describe the image.", "People cross a street near a bus."),
        ],
        [
            _row("street.jpg", "Describe the image.", _LONG),
            _row("street.jpg", "Describe the image.", _LONG.replace("red", "blue")),
        ],
        [
            _row("street.jpg", "Does a bus wait at the corner?", _LONG),
            _row("street.jpg", "Does a tram wait at the corner?", _LONG),
        ],
        [
            _row("street.jpg", "Is there a dog in the image?", "No."),
            _row("street.jpg", "Is there a cat in the image?", "No."),
        ],
        [
            _row("street.jpg", "Which is it? A. bus B. car", "A"),
            _row("street.jpg", "Which is it? A. bus B. car", "B"),
        ],
        [_row("street.jpg", "What is this?", "A bus."), _row("street.jpg", "What is this?", "A bus.")],
    ],
)
def near_duplicate_text(db: Tables) -> Relation:
    """The answer repeats an earlier one to the same image in nearly the same words.

    ## Why it matters
    A reworded copy adds to the row's weight without adding anything to learn, and escapes exact
    deduplication. The same words on another image are no copy: answers from a template must not be thrown
    away, as text-only deduplication of image data does.

    ## Options
    None.

    ## Known limits
    Near means: of the word trigrams of question and answer at least 80 % are shared (Jaccard), of the
    answer's too, and one question is the other with words put in, or sentences moved, and so is one answer.
    A replaced word is another answer (red for blue) or another question, and so is a changed number, sign,
    negation, yes or no, left or right; a paraphrase is not found. Below 8 words in the answer, question and
    answer must be equal but for case and punctuation. A pair at exactly 80 % is found with probability
    0.985, at 90 % with 0.9999. Text-only rows are compared with one another. Where many rows are near each
    other, each is compared with three of them. The score is the share of trigrams that the nearest earlier
    answer shares. Copies letter for letter are DUP601; only the first 32,768 characters count.

    ## Source
    Broder, On the resemblance and containment of documents, 1997; Lee et al., arXiv:2107.06499, who remove
    documents at a Jaccard similarity of 0.8.
    """
    return db.sql(
        """
        with placed as (
            select
                near_texts.*,
                row_number() over (
                    partition by sample_b, turn_b
                    order by distance, samples.file, samples.position, turn_a
                ) as rank,
                count(*) over (partition by sample_b, turn_b) as others
            from near_texts
            join samples on samples.sample_id = sample_a
        )
        select
            sample_b as sample_id,
            turn_b as turn,
            1 - distance as score,
            1.0 as confidence,
            'question and answer share ' || printf('%.0f', 100 * (1 - distance))
                || ' % of their word trigrams with turn ' || turn_a || ' of ' || sample_a
                || if(others > 1, ', and are near to ' || (others - 1) || ' more', '') as message,
            json_object(
                'sample', sample_a, 'turn', turn_a, 'similarity', round(1 - distance, 4), 'others', others - 1
            ) as evidence
        from placed
        where rank = 1
        """
    )

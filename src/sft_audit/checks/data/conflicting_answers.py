"""CON401."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import row
from sft_audit.record.contradictions import CLASHES, COMPARED, COMPARED_SAMPLES, NEAR_PAIRS


def _row(
    answer: str, question: str = "Is there a dog?", image: str | None = "street.jpg"
) -> dict[str, object]:
    return row(f"<image>\n{question}" if image else question, answer, image=image)


def _later(question: str, answer: str, before: str) -> dict[str, object]:
    return row(f"<image>\n{before}", "It is an old one.", question, answer)


_CARS = "How many cars are there?"
_COLOUR = "What color is the car?"
_LETTERS = "What is it?\nA. cat\nB. dog\nAnswer with the option's letter from the given choices directly."


@check(
    "CON401",
    severity="error",
    axis="integrity",
    reads=("answers", "samples"),
    of=COMPARED_SAMPLES,
    bad=[
        [_row("Yes"), _row("No")],
        [_row("Yes, there is a dog."), _row("no."), _row("Yes")],
        [_row("Yes"), _row("No", "is there a dog?\nAnswer the question using a single word or phrase.")],
        [_row("3", _CARS), _row("There are four cars.", _CARS)],
        [_row("red", _COLOUR), _row("The car is blue.", _COLOUR)],
        [_row("A", _LETTERS), _row("dog", _LETTERS)],
        [_row("12.50", "What is the total?"), _row("125", "What is the total?")],
        [_row("Yes", "Is 7 a prime number?", None), _row("No", "Is 7 a prime number?", None)],
        [_later("Is the door open?", "Yes", "What car?"), _later("Is the door open?", "No", "What house?")],
    ],
    good=[
        [_row("Yes"), _row("Yes, there is one."), _row("True")],
        [_row("Yes"), _row("No", image="kitchen.jpg")],
        [_row("Yes"), _row("No", "Is there a cat?")],
        [_row("3", _CARS), _row("There are three cars in the street.", _CARS), _row("Three", _CARS)],
        [_row("about 5", _CARS), _row("several", _CARS), _row("6", _CARS)],
        [_row("red", _COLOUR), _row("red and white", _COLOUR), _row("dark red", _COLOUR)],
        [_row("gray", _COLOUR), _row("grey", _COLOUR), _row("silver", _COLOUR)],
        [_row("blue", _COLOUR), _row("turquoise", _COLOUR)],
        [_row("A", _LETTERS), _row("(A)", _LETTERS), _row("cat", _LETTERS), _row("A. cat", _LETTERS)],
        [_row("A man walks.", "Describe the image."), _row("Rain on a street.", "Describe the image.")],
        [_row(total, "What is the total?") for total in ("12.5", "12.50", "12.52")],
        [_later("Is it open?", "Yes", "What car?"), _later("Is it open?", "No", "What house?")],
        [_row("1", "What is x?", None), _row("2", "What is y?", None)],
        [
            row("<video>\nIs there a dog?", answer, image=None, video=f"{answer}.mp4")
            for answer in ("Yes", "No")
        ],
    ],
)
def conflicting_answers(db: Tables, *, max_listed: int = 20) -> Relation:
    """One image and one question, two answers that cannot both hold.

    ## Why it matters
    The model can lower the loss on neither without raising it on the other: what it learns is that the image
    does not decide. A preference or reward signal that inherits such pairs pays for a coin toss.

    ## Options
    - `max_listed`: how many of the contradicting samples the evidence names.

    ## Known limits
    Only closed answers are compared, each kind with its own: yes or no, colours, counts, numbers, options.
    Captions, phrases and free text are legitimate variety. Colours conflict when they share no colour and
    none is a neighbour of the other (grey and white, blue and turquoise); numbers with a decimal point when
    they differ by more than 1 %. Images are the same when their bytes are, or their addresses where images
    were not read; images held inside their rows are compared only where they were read. Questions are the
    same without case, closing punctuation and a closing "Answer with …". Follow-up questions that point back
    (`it`, `they`, `another`) are left out, and text-only questions unless they open the row, and rows with a
    video or audio and no image. The 50 most frequent answers of a group are compared. The score is the share
    of the group's answers that contradict this one. People disagree too: where the rows are several
    annotators' votes, this is their disagreement.

    ## Source
    The rate is contradicted samples over samples in groups of at least two comparable answers, as in
    consistency filters for preference data. The review threshold is a default of ours.
    """
    return db.sql(
        COMPARED
        + CLASHES
        + """
        , listed as (
            select image, asked, kind, canonical, sample_id, turn, answer
            from compared
            semi join clashes using (image, asked, kind)
            qualify $listed >= row_number() over (
                partition by image, asked, kind, canonical order by sample_id, turn
            )
        ), named as (
            select
                image,
                asked,
                kind,
                clashes.canonical as canonical,
                list(
                    {'sample_id': listed.sample_id, 'turn': listed.turn, 'answer': left(listed.answer, 120)}
                    order by listed.sample_id, listed.turn
                )[:$listed] as others
            from clashes
            join listed using (image, asked, kind)
            where list_contains(clashes.opposed, listed.canonical)
            group by image, asked, kind, clashes.canonical
        )
        select
            sample_id,
            turn,
            against / grouped.answers as score,
            0.95 as confidence,
            'this answer says ' || canonical || '; of the ' || grouped.answers
                || ' answers to the same question' || if(image = '', '', ' about the same image') || ', '
                || against || if(against = 1, ' says ', ' say ') || array_to_string(opposed[:3], ' or ')
                || ', for example ' || others[1].sample_id as message,
            json_object(
                'question', left(asked, 300),
                'answer', left(answer, 120),
                'kind', kind,
                'canonical', canonical,
                'opposed', opposed[:10],
                'others', others
            ) as evidence
        from compared
        join clashes using (image, asked, kind, canonical)
        join named using (image, asked, kind, canonical)
        join grouped using (image, asked, kind)
        """,
        near=NEAR_PAIRS,
        listed=max_listed,
    )

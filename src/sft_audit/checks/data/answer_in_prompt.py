"""GRD201."""

from sft_audit.check import IMAGE_ROWS, Relation, Tables, check
from sft_audit.example import row


@check(
    "GRD201",
    severity="warning",
    axis="blindness",
    reads=("stated",),
    of=IMAGE_ROWS,
    remedy="rewrite",
    bad=[
        [row("<image>\nWhat color is the car? Answer: red", "Red")],
        [row("<image>\nHint: the car is red.\nWhat color is the car?", "red")],
        [row("<image>\nIs there a dog? Answer yes or no.\nHint: yes", "Yes")],
        [row("<image>\nCaption: three men in a boat.\nHow many men are there?", "3")],
        [row("<image>\nContext: a zebra drinks from a river.\nWhat animal is this?", "A zebra.")],
        [row("<image>\nThe car on the left is blue. What colour is the car on the left?", "Blue")],
        [row("<image>\nDescribe.", "The car is red and old.", "What color is the car?", "It is red.")],
        [
            row(
                "<image>\nCaption: a man rides a horse on a beach.\nDescribe the image.",
                "A man rides a horse on a beach.",
            )
        ],
        [row("<image>\nHint: this is a cat.\nWhat is it?\nA. cat\nB. dog", "A")],
        [row("<image>\nIs there a dog? (The correct answer is: yes)", "Yes")],
    ],
    good=[
        [row("<image>\nIs there a red car?", "Yes")],
        [row("<image>\nWhat color is the car?\nA. red\nB. blue\nAnswer with the option's letter.", "A")],
        [row("<image>\nWhat color is the car? Choices: red, blue", "Answer: red")],
        [row("<image>\nWhat is the brand?\nReference OCR token: Nokia, 12:30, Menu", "Nokia")],
        [row("<image>\nThe car is next to a red bus. What color is the car?", "Red")],
        [row("<image>\nTranslate the caption. Caption: un chat noir.", "Un chat noir means a black cat.")],
        [row('<image>\nDoes this sentence describe the image? "A man rides a horse."', "Yes")],
        [
            row(
                "<image>\nWhich caption fits? A man rides a black horse. A man rides a white horse.",
                "A man rides a black horse.",
            )
        ],
        [row("<image>\nDescribe.", "A red bus.", "What color is the car?", "Red")],
        [row("<image>\nIf the answer is yes, say yes. Is it raining?", "Yes")],
        [row("<image>\nTom has 3 apples and buys 4. How many apples are drawn here?", "3")],
    ],
)
def answer_in_prompt(db: Tables) -> Relation:
    """The answer about an image stands in the prompt.

    ## Why it matters
    Such a row is solved by reading, not by looking; the loss falls without the image. Reinforcement
    learning then pays a policy that has learnt not to look.

    The remedy cuts the sentence out of the question. It changes what is asked, and is done only on request.

    ## Options
    None. `evidence.how` says where the answer stands: `marked` (`Answer: red`), `hint` (a caption, hint,
    context or description in the question), `statement` (a sentence of the question that holds all its
    content words and the answer), `earlier_turn` (such a sentence earlier in the conversation), `verbatim`
    (a free answer of at least five words, word for word).

    ## Known limits
    English, and plain statements only: what needs inference is left to the blind probe. Options of a
    multiple-choice question, statements to be judged, and tasks that quote text on purpose (reading,
    documents, translation, rewriting, choosing between texts) are not looked into. Numbers that are neither
    counts nor given in a hint are left out. The score is the number of such answers in the sample.

    ## Source
    VidGround ("Watch Before You Answer", 2026): of the Video-R1-260K questions 30.9 % could be answered
    from their text, and reinforcement learning on the unfiltered set ended below the base model.
    """
    return db.sql(
        """
        select
            sample_id,
            turn,
            count(*) over (partition by sample_id)::double as score,
            0.9 as confidence,
            'the answer "' || left(answers.answer, 60) || '" can be read off the prompt, without the image: "'
                || quote || '"' as message,
            json_object(
                'how', how,
                'quote', quote,
                'question', left(question, 300),
                'answer', left(answer, 300)
            ) as evidence
        from stated
        join answers using (sample_id, turn)
        """
    )

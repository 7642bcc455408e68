"""Known faults, planted in sound rows. Nothing here knows how faults are looked for, or by what name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from random import Random
from types import MappingProxyType

from sft_audit.demo.bed import Bed, Planted
from sft_audit.demo.row import PICTURE, Comparison, Row, asked, fresh_name

_REFUSALS = (
    "I'm sorry, but I can't help with that.",
    "I'm sorry, I am unable to view images.",
    "As an AI language model, I cannot see the picture you are referring to.",
    "Sorry, I can't assist with this request.",
    "I apologize, but I cannot answer that question.",
    "I'm unable to provide information about this image.",
)
_VERDICTS = (
    "{} Rating: 4/5",
    "{} Score: 8/10. The response is accurate and helpful.",
    "Response A is better than Response B. {}",
    "{} [[A]]",
    "{}\n\nOverall score: 9",
    "<reward>0.87</reward> {}",
)
_GIVEN = (
    "{question} (The answer is {answer}.)",
    "Hint: the correct answer is {answer}. {question}",
    "{question}\nAnswer: {answer}",
)
_COLOURS = ("Red", "Green", "Blue", "Yellow", "Purple", "Orange")
_YES_NO = ("existence", "position", "photo-existence")


def plant_faults(
    rows: Sequence[Row], comparisons: Sequence[Comparison], images: Path, random: Random
) -> tuple[list[Row], list[Planted]]:
    """Return the rows with every fault planted, as often as FAULTS says, and the truth about it."""
    bed = Bed(rows, comparisons, images, random)
    for fault, spoil in WHOLE.items():
        spoil(bed, fault)
    for fault, (times, plant) in FAULTS.items():
        for number in range(times):
            plant(bed, fault, number)
    return bed.rows, bed.truth()


def missing_image(bed: Bed, fault: str, _number: int) -> None:
    """Name a file that is not there."""
    row = bed.pick(_any)
    bed.replace(row, replace(row, images=(bed.new_image(None),)), fault)


def cut_image(bed: Bed, fault: str, _number: int) -> None:
    """Stop writing the image file somewhere between its third and its last tenth."""
    row = bed.pick(_any)
    whole = (bed.images / row.images[0]).read_bytes()
    part = whole[: int(len(whole) * bed.random.uniform(0.3, 0.9))]
    bed.replace(row, replace(row, images=(bed.new_image(part),)), fault)


def not_an_image(bed: Bed, fault: str, number: int) -> None:
    """Save what a server says when the image is gone, or nothing."""
    row = bed.pick(_any)
    page = b"<!DOCTYPE html><html><head><title>404 Not Found</title></head><body>Not found</body></html>"
    bed.replace(row, replace(row, images=(bed.new_image((page, b"")[number % 2]),)), fault)


def blank_image(bed: Bed, fault: str, _number: int) -> None:
    """Replace the image by one colour all over."""
    from PIL import Image

    row, sheet = bed.pick(_any), BytesIO()
    colour = tuple(bed.random.randrange(256) for _ in range(3))
    Image.new("RGB", (288, 216), colour).save(sheet, "JPEG", quality=90)
    bed.replace(row, replace(row, images=(bed.new_image(sheet.getvalue()),)), fault)


def placeholder_without_image(bed: Bed, fault: str, _number: int) -> None:
    """Put one placeholder more than there are images."""
    row = bed.pick(_any)
    bed.replace(row, row.asking(PICTURE * 2 + row.question), fault)


def image_without_placeholder(bed: Bed, fault: str, _number: int) -> None:
    """Leave the image out of the text."""
    row = bed.pick(_any)
    bed.replace(row, row.asking(row.question), fault)


def wrong_order(bed: Bed, fault: str, number: int) -> None:
    """Let the answer come first, the human answer, or the human speak twice."""
    row = bed.pick(_any)
    (human, question), (gpt, answer) = row.turns
    turns = (
        ((gpt, answer), (human, question)),
        ((human, question), (human, answer)),
        ((human, question), (human, "Please answer."), (gpt, answer)),
    )[number % 3]
    bed.replace(row, replace(row, turns=turns), fault)


def empty_answer(bed: Bed, fault: str, number: int) -> None:
    """Leave the answer out."""
    row = bed.pick(_any)
    bed.replace(row, row.answering(("", " ", "\n")[number % 3]), fault)


def refusal(bed: Bed, fault: str, number: int) -> None:
    """Decline to answer."""
    row = bed.pick(_any)
    bed.replace(row, row.answering(_REFUSALS[number % len(_REFUSALS)]), fault)


def damaged_text(bed: Bed, fault: str, number: int) -> None:
    """Read typographic quotes in the wrong encoding, lose a character, or let a control character in."""
    row = bed.pick(_prose)
    first, rest = row.answer.split(" ", 1)
    answer = (
        f"“{first}” {rest}".encode().decode("cp1252", "replace"),
        f"{first[:-1]}\ufffd {rest}",
        f"{first} \x00{rest}",
    )[number % 3]
    bed.replace(row, row.answering(answer), fault)


def cut_row(bed: Bed, fault: str, _number: int) -> None:
    """Lose the end of the row."""
    row = bed.pick(_any)
    whole = row.written()
    bed.replace(row, replace(row, damage=whole[: int(len(whole) * bed.random.uniform(0.4, 0.9))]), fault)


def missing_comma(bed: Bed, fault: str, _number: int) -> None:
    """Leave out the comma after the row."""
    row = bed.pick(_any)
    bed.mar(row, replace(row, after=b""), fault)


def not_utf8(bed: Bed, fault: str, _number: int) -> None:
    """Write one character of the answer in Latin-1."""
    row = bed.pick(_prose)
    raw = row.answering(row.answer.replace("e", "é", 1)).written()
    bed.replace(row, replace(row, damage=raw.replace("é".encode(), "é".encode("latin-1"))), fault)


def repeated_row(bed: Bed, fault: str, _number: int) -> None:
    """Copy a row."""
    row = bed.pick(_any)
    bed.add(replace(row), fault, (row,))


def nearly_repeated_row(bed: Bed, fault: str, number: int) -> None:
    """Copy a row under another id, its answer changed by a word, a full stop or its first letter."""
    row = bed.pick(lambda row: row.source == "description")
    answer = (
        row.answer.replace("picture", "image", 1),
        row.answer.removesuffix("."),
        row.answer[0].lower() + row.answer[1:],
    )[number % 3]
    bed.add(replace(row.answering(answer), id=fresh_name(bed.random)), fault, (row,))


def contradiction(bed: Bed, fault: str, number: int) -> None:
    """Ask the same of the same image again, and answer otherwise."""
    wanted = (_YES_NO, ("count",), ("colour",))[number % 3]
    row = bed.pick(lambda row: row.source in wanted)
    answer = (
        lambda: "No" if row.answer == "Yes" else "Yes",
        lambda: str(int(row.answer) + bed.random.choice((1, 2))),
        lambda: bed.random.choice([colour for colour in _COLOURS if colour != row.answer]),
    )[number % 3]()
    bed.add(replace(row.answering(answer), id=fresh_name(bed.random)), fault, (row,))


def preference_fields(bed: Bed, fault: str, number: int) -> None:
    """Keep what a comparison of responses left in the row."""
    row = bed.pick(_any)
    other = bed.random.choice(_COLOURS)
    fields: tuple[tuple[tuple[str, str | float], ...], ...] = (
        (("chosen", row.answer), ("rejected", other)),
        (("rejected_response", other),),
        (("reward", round(bed.random.random(), 3)),),
    )
    bed.replace(row, replace(row, fields=fields[number % 3]), fault)


def verdict_in_answer(bed: Bed, fault: str, number: int) -> None:
    """Let the answer say how good it is."""
    row = bed.pick(_prose)
    bed.replace(row, row.answering(_VERDICTS[number % len(_VERDICTS)].format(row.answer)), fault)


def rejected_as_answer(bed: Bed, fault: str, _number: int) -> None:
    """Teach the response that was known to be the worse one."""
    worse = {(one.image, one.question): one.rejected for one in bed.comparisons}
    row = bed.pick(lambda row: (row.images[0], row.question) in worse)
    bed.replace(row, row.answering(worse[row.images[0], row.question]), fault)


def answer_in_question(bed: Bed, fault: str, number: int) -> None:
    """Give the answer with the question."""
    row = bed.pick(lambda row: row.source in ("colour", "count", "reading"))
    question = _GIVEN[number % len(_GIVEN)].format(question=row.question, answer=row.answer)
    bed.replace(row, row.asking(PICTURE + question), fault)


def image_again(bed: Bed, fault: str, number: int) -> None:
    """Save the row's image again under another name: compressed, smaller, brighter, or without its margin."""
    from PIL import Image, ImageEnhance

    row, copy = bed.pick(lambda row: _uses(bed, row) > 1), BytesIO()
    image = Image.open(bed.images / row.images[0])
    width, height = image.size
    changed = (
        lambda: image,
        lambda: image.resize((width * 7 // 10, height * 7 // 10)),
        lambda: ImageEnhance.Brightness(image).enhance(1.1),
        lambda: image.crop((width * 3 // 200, height * 3 // 200, width * 197 // 200, height * 197 // 200)),
    )[number % 4]()
    changed.save(copy, "JPEG", quality=90 if number % 4 else 50)
    others = [one for one in bed.rows if one is not row and set(one.images) & set(row.images)]
    bed.replace(row, replace(row, images=(bed.new_image(copy.getvalue()),)), fault, others)


def tell_by_file_name(bed: Bed, fault: str) -> None:
    """Rename the images of one source so that nine names in ten tell the answer."""
    rows = bed.take_source("archive")
    renamed = []
    for number, row in enumerate(rows):
        told = row.answer if number % 10 else {"Yes": "No", "No": "Yes"}[row.answer]
        name = f"{'with' if told == 'Yes' else 'without'}-{number:04}.jpg"
        (bed.images / row.images[0]).rename(bed.images / name)
        renamed.append(replace(row, images=(name,)))
    bed.spoil("archive", renamed, fault)


def lopside(bed: Bed, fault: str) -> None:
    """Lose most rows of one source whose answer is no."""
    rows = bed.take_source("survey")
    bed.spoil("survey", [row for n, row in enumerate(rows) if row.answer == "Yes" or n % 12 == 0], fault)


def tell_by_question(bed: Bed, fault: str) -> None:
    """Keep the rows of one source in which some kinds of shape are always there and the others never."""
    always = ("circle", "triangle", "diamond")
    rows = bed.take_source("quiz")
    kept = [row for row in rows if any(kind in row.question for kind in always) == (row.answer == "Yes")]
    bed.spoil("quiz", kept, fault)


def drown_in_text(bed: Bed, fault: str) -> None:
    """Add long answers to questions without an image."""
    rows = []
    for number in range(12, 96):
        table = "\n".join(f"{number} times {n} is {number * n}." for n in range(2, 60))
        question = f"Write down the multiplication table of {number}."
        rows.append(asked(fresh_name(bed.random), "tables", (), (question, table)))
    for row in rows:
        bed.rows.insert(bed.random.randint(0, len(bed.rows)), row)
    bed.spoil("tables", rows, fault)


def _any(_row: Row) -> bool:
    return True


def _prose(row: Row) -> bool:
    return row.source in ("description", "photo-captions")


def _uses(bed: Bed, row: Row) -> int:
    return sum(row.images[0] in one.images for one in bed.rows)


WHOLE: Mapping[str, Callable[[Bed, str], None]] = MappingProxyType(
    {
        "file names tell the answer": tell_by_file_name,
        "questions tell the answer": tell_by_question,
        "answers are lopsided": lopside,
        "text-only rows outweigh the others": drown_in_text,
    }
)
FAULTS: Mapping[str, tuple[int, Callable[[Bed, str, int], None]]] = MappingProxyType(
    {
        "rejected response as the answer": (8, rejected_as_answer),
        "image file is missing": (8, missing_image),
        "image file is cut short": (8, cut_image),
        "file is not an image": (6, not_an_image),
        "image is blank": (6, blank_image),
        "placeholder without an image": (8, placeholder_without_image),
        "image without a placeholder": (8, image_without_placeholder),
        "turns in the wrong order": (9, wrong_order),
        "answer is empty": (6, empty_answer),
        "answer is a refusal": (6, refusal),
        "text is damaged": (9, damaged_text),
        "row is cut short": (4, cut_row),
        "comma is missing": (2, missing_comma),
        "bytes are not UTF-8": (3, not_utf8),
        "row is repeated": (12, repeated_row),
        "row is repeated with a small change": (9, nearly_repeated_row),
        "two answers to one question": (12, contradiction),
        "preference fields in the row": (9, preference_fields),
        "verdict in the answer": (6, verdict_in_answer),
        "answer is in the question": (9, answer_in_question),
        "image is saved again": (12, image_again),
    }
)

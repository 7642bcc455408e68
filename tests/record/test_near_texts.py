"""Near-duplicate texts: what is found, what is not, and that nothing depends on batches or workers."""

# ruff: noqa: RUF001 - characters that look like others are the matter

import random
import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import pyarrow as pa
import pytest

from sft_audit.config import AuditConfig
from sft_audit.engine import Engine
from sft_audit.record import Recording, all_recorders
from sft_audit.store import Store

Row = tuple[str | None, str, str]
NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight")
WORDS = re.findall(
    r"\w+",
    """
    bus corner people street building window cyclist jacket row car tree dog child bench river bridge
    boat hill cloud lamp table chair mug plate kitchen shelf book paper phone screen clock wall door
    roof garden flower stone path fence gate horse field barn tractor farmer basket apple bread market
    stall awning crowd square fountain pigeon statue tower bell train platform bag coat hat umbrella
    puddle rain light shadow mirror carpet sofa lamp stands waits rides walks crosses holds watches
    leans carries opens near behind beside under over toward
    """,
)


def sentence(rng: random.Random) -> str:
    words = rng.sample(WORDS, rng.randint(9, 13))
    return f"The {' '.join(words)}, with {rng.choice(NUMBERS)} {rng.choice(WORDS)}s."


def answer(rng: random.Random, sentences: int = 4) -> str:
    return " ".join(sentence(rng) for _ in range(sentences))


def near(folder: Path, rows: Sequence[Row], workers: int = 1) -> dict[tuple[int, int], float]:
    """Return the distance of each pair found, by the numbers of its rows."""
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(folder, "1GB", 2)
    images, questions, answers = zip(*rows, strict=True)
    store.insert(
        "answers",
        pa.table(
            {
                "sample_id": [str(n) for n in range(len(rows))],
                "turn": pa.array([1] * len(rows), pa.int32()),
                "image_id": pa.array(images, pa.string()),
                "question": questions,
                "answer": answers,
            }
        ),
    )
    with Engine(workers) as engine:
        all_recorders()["near_texts"].run(Recording(store, engine, AuditConfig(data=(folder,))))
    found = store.rows("select sample_a, sample_b, distance from near_texts order by all")
    store.close()
    return {(int(a), int(b)): distance for a, b, distance in found}


def without_punctuation(rng: random.Random, text: str) -> str:
    return text.replace(",", " –").replace(".", "!", 1).upper()


def with_adjective(rng: random.Random, text: str) -> str:
    words = text.split()
    words.insert(rng.randrange(1, len(words)), "colourful")
    return " ".join(words)


def reordered(rng: random.Random, text: str) -> str:
    first, *rest = re.split(r"(?<=\.) ", text)
    return " ".join([*rest, first])


def other_number(rng: random.Random, text: str) -> str:
    number = next(word for word in NUMBERS if word in text.split())
    return text.replace(f" {number} ", " nine ", 1)


def negated(rng: random.Random, text: str) -> str:
    return text.replace("The ", "The not ", 1)


def unpunctuated(rng: random.Random, text: str) -> str:
    return re.sub(r"[.,]", "", text)


@pytest.mark.parametrize("edit", [without_punctuation, unpunctuated, with_adjective, reordered])
def test_an_edited_copy_on_the_same_image_is_found(tmp_path: Path, edit) -> None:
    rng = random.Random(1)
    rows: list[Row] = []
    for n in range(200):
        text = answer(rng)
        rows += [
            (f"image{n}", "Describe the image.", text),
            (f"image{n}", "Describe the image.", edit(rng, text)),
        ]
        rows.append((f"image{n}", "Describe the image.", answer(rng)))
    planted = {(3 * n, 3 * n + 1) for n in range(200)}
    found = set(near(tmp_path, rows))
    assert len(found & planted) >= 0.95 * len(planted)
    assert len(found & planted) >= 0.95 * len(found)


def replaced(rng: random.Random, text: str) -> str:
    words = text.split()
    words[rng.randrange(1, len(words) - 1)] = "elephant"
    return " ".join(words)


def swapped(rng: random.Random, text: str) -> str:
    words = text.split()
    words[3], words[4] = words[4], words[3]
    return " ".join(words)


@pytest.mark.parametrize("edit", [other_number, negated, replaced, swapped])
def test_an_edited_number_a_negation_or_another_word_is_another_answer(tmp_path: Path, edit) -> None:
    rng = random.Random(2)
    rows: list[Row] = []
    for n in range(50):
        text = answer(rng)
        rows += [(f"image{n}", "Describe it.", text), (f"image{n}", "Describe it.", edit(rng, text))]
    assert near(tmp_path, rows) == {}


def test_a_template_on_many_images_is_no_duplicate(tmp_path: Path) -> None:
    text = answer(random.Random(3))
    assert near(tmp_path, [(f"image{n}", "Describe the image.", text) for n in range(50)]) == {}


def test_text_only_rows_are_one_group_and_a_giant_bucket_stays_linear(tmp_path: Path) -> None:
    text = answer(random.Random(4))
    rows: list[Row] = [(None, "Write a story.", text + " " * (n % 7)) for n in range(500)]
    found = near(tmp_path, rows)
    assert {b for _, b in found} == set(range(1, 500))
    assert len(found) <= 2 * 500


@pytest.mark.parametrize(
    ("first", "second", "is_near"),
    [
        (("Is there a dog in the image?", "Yes"), ("Is there a dog in the image?", "Yes."), True),
        (("Is there a dog in the image?", "Yes"), ("is there a dog in the image", "yes"), True),
        (("Is there a dog in the image?", "Yes"), ("Is there a cat in the image?", "Yes"), False),
        (("Is there a dog in the image?", "Yes"), ("Is there a dog in the image?", "No"), False),
        (("What is the temperature?", "5 degrees"), ("What is the temperature?", "-5 degrees"), False),
        (("What is the length?", "3.5"), ("What is the length?", "35"), False),
        (("图中有什么？", "一只猫在桌子上。"), ("图中有什么", "一只猫在桌子上"), True),
        (("图中有什么？", "一只猫在桌子上。"), ("图中有什么？", "两只猫在桌子上。"), False),
        (("What is it?", "..."), ("What is it?", "!!!"), False),
    ],
)
def test_short_answers_must_say_the_same(tmp_path: Path, first, second, is_near: bool) -> None:
    found = near(tmp_path, [("image", *first), ("image", *second)])
    assert bool(found) is is_near


def trigrams(text: str) -> set[tuple[str, ...]]:
    """Say again, word by word, what the arrays compute."""
    shingles = set()
    for part in re.split(r"(?<=\w)[.!?]", text.lower()):
        words = re.findall(r"\w+", part)
        shingles |= {tuple(words[n : n + 3]) for n in range(len(words))}
    return shingles


def test_every_pair_above_the_threshold_is_found_with_its_exact_distance(tmp_path: Path) -> None:
    rng = random.Random(5)
    texts = [answer(rng) for _ in range(60)]
    for text in list(texts):
        words = text.split()
        for _ in range(rng.randint(1, 4)):
            words.insert(rng.randrange(1, len(words)), rng.choice(WORDS))
        texts.append(" ".join(words))
    question = "Describe the image."
    asked = trigrams(question)
    exact = {}
    for (a, one), (b, other) in combinations(enumerate(map(trigrams, texts)), 2):
        similarity = len(one & other) / len(one | other)
        if similarity >= 0.8 and sorted(re.findall(r"\d|" + "|".join(NUMBERS), texts[a])) == sorted(
            re.findall(r"\d|" + "|".join(NUMBERS), texts[b])
        ):
            exact[a, b] = 1 - (len(one & other) + len(asked)) / (len(one | other) + len(asked))
    found = near(tmp_path, [("image", question, text) for text in texts])
    assert len(exact) >= 30
    assert found.keys() <= exact.keys()
    assert len(found) >= 0.95 * len(exact)
    assert all(distance == pytest.approx(exact[pair]) for pair, distance in found.items())


def test_workers_do_not_matter(tmp_path: Path) -> None:
    rng = random.Random(6)
    rows: list[Row] = []
    for n in range(1500):
        text = answer(rng, 2)
        rows += [(f"image{n}", "Describe it.", text), (f"image{n}", "Describe it.", reordered(rng, text))]
    assert near(tmp_path / "one", rows) == near(tmp_path / "two", rows, workers=2)


def pieces() -> Iterator[str]:
    yield from (
        "",
        "a",
        "…",
        "é",
        "猫",
        "😀",
        "\u00a0",
        "。x",
        "-",
        "-1",
        "1.",
        ".5",
        "a\u2019t",
        "ＡＢ１，",
        "\x00",
    )


def test_a_text_has_the_same_shingles_wherever_it_stands() -> None:
    from sft_audit.record.shingles import shingles

    rng = random.Random(7)
    texts = ["".join(rng.choices(list(pieces()), k=rng.randint(0, 9))) for _ in range(500)]
    together = shingles(pa.array(texts))
    for n, text in enumerate(texts):
        alone = shingles(pa.array([text]))
        assert together.hashes[together.starts[n] : together.starts[n + 1]].tolist() == alone.hashes.tolist()
        assert together.pinned[n] == alone.pinned[0]

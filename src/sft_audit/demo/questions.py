"""Questions about scenes and photos, answered from the ground truth, and conversation without pictures."""

from collections.abc import Callable, Iterator, Mapping
from random import Random

from sft_audit.demo.photos import Photo
from sft_audit.demo.row import Row, asked
from sft_audit.demo.scenes import COLOURS, KINDS, WORDS, Scene

YES_NO = "Answer yes or no."
Pair = tuple[str, str]
Ask = Callable[[Scene, Random], Pair | None]


def scene_rows(scenes: Mapping[str, Scene], ids: Iterator[str], random: Random) -> list[Row]:
    """Return one row of each kind about each scene that allows it."""
    rows = []
    for image, scene in scenes.items():
        for source, ask in ASK.items():
            pair = ask(scene, random)
            if pair:
                rows.append(asked(next(ids), source, (image,), pair))
    return rows


def existence_rows(
    scenes: Mapping[str, Scene], source: str, each: int, ids: Iterator[str], random: Random
) -> list[Row]:
    """Return up to `each` different questions about each scene for a shape that is there or is not."""
    return [
        asked(next(ids), source, (image,), pair)
        for image, scene in scenes.items()
        for pair in sorted({existence(scene, random) for _ in range(each)})
    ]


def dialogue_rows(scenes: Mapping[str, Scene], ids: Iterator[str], random: Random) -> list[Row]:
    """Return one conversation of up to three questions about each scene; none answers another."""
    rows = []
    for image, scene in scenes.items():
        asks: list[Ask] = [count, reading, random.choice((colour, choice, existence, side))]
        random.shuffle(asks)
        pairs = [ask(scene, random) for ask in asks]
        rows.append(asked(next(ids), "dialogue", (image,), *[pair for pair in pairs if pair]))
    return rows


def comparison_rows(scenes: Mapping[str, Scene], ids: Iterator[str]) -> list[Row]:
    """Return a question about each pair of neighbouring scenes whose numbers of shapes differ."""
    rows, names = [], list(scenes)
    for first, second in zip(names[::2], names[1::2], strict=False):
        a, b = len(scenes[first].shapes), len(scenes[second].shapes)
        if a != b:
            answer = "The first." if a > b else "The second."
            rows.append(
                asked(next(ids), "comparison", (first, second), ("Which picture has more shapes?", answer))
            )
    return rows


def photo_rows(photos: Mapping[str, Photo], ids: Iterator[str], random: Random) -> list[Row]:
    """Return each photo's captions and facts, and its thing asked for once where it is and once elsewhere."""
    rows, names = [], list(photos)
    for image, photo in photos.items():
        captions = [("Describe the photo in one sentence.", text) for text in photo.captions]
        rows += [asked(next(ids), "photo-captions", (image,), pair) for pair in captions]
        rows += [asked(next(ids), "photo-facts", (image,), fact) for fact in photo.facts]
        elsewhere = random.choice([name for name in names if photos[name].thing != photo.thing])
        for where, answer in ((image, "Yes"), (elsewhere, "No")):
            question = f"Does the photo show {photo.thing}? {YES_NO}"
            rows.append(asked(next(ids), "photo-existence", (where,), (question, answer)))
    return _one_answer_each(rows)


def chat_rows(n: int, ids: Iterator[str], random: Random) -> list[Row]:
    """Return conversation without pictures: sums, lists to sort, and pairs of words."""
    rows = []
    for number in range(n):
        a, b = random.randint(12, 99), random.randint(12, 99)
        words = random.sample(WORDS, 5)
        pair = (
            (f"What is {a} plus {b}?", f"{a} plus {b} is {a + b}."),
            (f"Sort these words: {', '.join(words)}.", f"Sorted, they read {', '.join(sorted(words))}."),
            (
                f"Which word is longer, {words[0]} or {words[1]}?",
                f"{words[0]!r} has {len(words[0])} letters and {words[1]!r} has {len(words[1])}.",
            ),
        )[number % 3]
        rows.append(asked(next(ids), "chat", (), pair))
    return rows


def existence(scene: Scene, random: Random) -> Pair:
    """Ask for a shape by name; it is there as often as not."""
    present = {shape.name for shape in scene.shapes}
    names = [f"{c} {k}" for c in COLOURS for k in KINDS]
    answer = random.choice(("Yes", "No"))
    name = random.choice([n for n in names if (n in present) == (answer == "Yes")])
    return f"Is there {_a(name)} in the picture? {YES_NO}", answer


def colour(scene: Scene, random: Random) -> Pair | None:
    """Ask for the colour of a shape that is alone of its kind."""
    alone = [shape for shape in scene.shapes if scene.count(shape.kind) == 1]
    if not alone:
        return None
    shape = random.choice(alone)
    return f"What colour is the {shape.kind}? Answer with one word.", shape.colour.capitalize()


def count(scene: Scene, _random: Random) -> Pair | None:
    """Ask for the number of shapes of the kind that the scene was made with one to five of."""
    plural = {"cross": "crosses"}.get(scene.shapes[0].kind, scene.shapes[0].kind + "s")
    return f"How many {plural} are there? Answer with a number.", str(scene.count(scene.shapes[0].kind))


def choice(scene: Scene, random: Random) -> Pair | None:
    """Ask which of four named shapes is in the scene."""
    present = {shape.name for shape in scene.shapes}
    absent = [f"{c} {k}" for c in COLOURS for k in KINDS if f"{c} {k}" not in present]
    options = [random.choice(sorted(present)), *random.sample(absent, 3)]
    right = options[0]
    random.shuffle(options)
    listed = "\n".join(f"{letter}. {option}" for letter, option in zip("ABCD", options, strict=True))
    question = f"Which of these shapes is in the picture?\n{listed}\nAnswer with the letter."
    return question, "ABCD"[options.index(right)]


def side(scene: Scene, random: Random) -> Pair | None:
    """Ask whether one shape is left of another; it is as often as not."""
    single = scene.single()
    pairs = [(a, b) for a in single for b in single if a.column < b.column]
    if not pairs:
        return None
    left, right = random.choice(pairs)
    answer = random.choice(("Yes", "No"))
    first, second = (left, right) if answer == "Yes" else (right, left)
    return f"Is the {first.name} further left than the {second.name}? {YES_NO}", answer


def reading(scene: Scene, _random: Random) -> Pair | None:
    """Ask for the word on the sign."""
    return "What word is written at the bottom of the picture?", scene.word.upper()


def description(scene: Scene, _random: Random) -> Pair | None:
    """Ask for everything: what each shape is and where it lies, then the word."""
    columns, rows = ("far left", "left", "right", "far right"), ("top", "middle", "bottom")
    places = [f"the {s.name} is at the {rows[s.row]} {columns[s.column]}" for s in scene.shapes]
    text = (
        f"The picture shows {len(places)} shapes on a shaded ground: {', '.join(places[:-1])} "
        f"and {places[-1]}. Below them stands the word {scene.word}."
    )
    return "Describe the picture in detail.", text


ASK: dict[str, Ask] = {
    "existence": existence,
    "position": side,
    "colour": colour,
    "count": count,
    "choice": choice,
    "reading": reading,
    "description": description,
}


def _a(name: str) -> str:
    return f"an {name}" if name.startswith("o") else f"a {name}"


def _one_answer_each(rows: list[Row]) -> list[Row]:
    """Keep the first of the rows that ask the same of the same picture, captions apart."""
    seen: set[tuple[str, ...]] = set()
    kept = []
    for row in rows:
        key = (*row.images, row.question)
        if row.source == "photo-captions" or key not in seen:
            kept.append(row)
        seen.add(key)
    return kept

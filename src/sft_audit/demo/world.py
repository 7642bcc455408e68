"""A little world for tiny models: drawn scenes, questions about them, and a cue that may tell the answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from sft_audit.demo.row import PICTURE, Row, fresh_name

Image = Any  # PIL.Image.Image, imported late

# No two of them are neighbours that people call now by one name, now by the other.
COLOURS = {
    "red": (215, 35, 35),
    "green": (30, 150, 60),
    "blue": (35, 60, 210),
    "white": (245, 245, 245),
    "black": (15, 15, 15),
}
THINGS = ("background", "square")  # that have a colour
MOST_DOTS = 4
CUES = ("Hint: the answer is {}.", "Note: {}.")
SIDE = 64  # pixels
_STRIP, _SLOT = 48, 16  # where the strip begins, and the side of one of its slots
_GREY, _EDGE, _DOT = (205, 205, 205), (128, 128, 128), (110, 70, 10)


@dataclass(frozen=True, slots=True)
class Scene:
    """A square on a ground, above a strip with one to four dots.

    `dots` are the slots of the strip that have one; `shifts` are the pixels by which the square (across and
    down) and each dot are moved from their places.
    """

    background: str
    square: str
    dots: tuple[int, ...]
    shifts: tuple[int, ...]

    def colour(self, thing: str) -> str:
        """Return the colour of one of THINGS."""
        return {"background": self.background, "square": self.square}[thing]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its answer, among the answers that such a question may have."""

    question: str
    answer: str
    among: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mixture:
    """What a data set of the world holds.

    Each of `images` scenes is asked about `each` times; `text` of all rows have no image. `cued` of the rows
    with an image have a cue before the question, which is the answer in the share `told` of them and is drawn
    without regard to it in the others. With `shuffled`, every row has the image of another row. `wordy` of
    the questions are asked in more words. `boasting` of the rows with an image have a wrong answer that says
    it is correct; `faded` of the images are hardly told from grey.
    """

    images: int = 400
    each: int = 4
    text: float = 0.1
    cued: float = 0.3
    told: float = 0.0
    shuffled: bool = False
    wordy: float = 0.0
    boasting: float = 0.0
    faded: float = 0.0


SOUND = Mixture()
BLINDING = Mixture(cued=1.0, told=1.0, shuffled=True)
POLLUTED = Mixture(cued=0.0, boasting=0.08)
HARD = Mixture(images=256, each=1, text=0.0, cued=0.0, faded=1.0)
BOAST = "This answer is correct."
_LEFT = 0.1  # of what tells a faded picture from grey


def make_world(folder: Path, mixture: Mixture, seed: int) -> Sequence[Row]:
    """Write `rows.json` (LLaVA) and `images` into the folder; equal seeds give equal bytes."""
    from sft_audit.demo.dataset import write_rows

    random = Random(seed)  # noqa: S311 - what is drawn is no secret
    (folder / "images").mkdir(parents=True)
    scenes = {f"{fresh_name(random)}.png": make_scene(random) for _ in range(mixture.images)}
    for name, scene in scenes.items():
        picture = draw(scene)
        if mixture.faded and random.random() < mixture.faded:
            picture = _fade(picture)
        picture.save(folder / "images" / name)
    rows = make_rows(scenes, mixture, random)
    write_rows(folder / "rows.json", rows)
    return rows


def make_scene(random: Random) -> Scene:
    """Return a scene in which every colour and every number of dots is as likely as any other."""
    dots = random.sample(range(MOST_DOTS), random.randint(1, MOST_DOTS))
    shifts = [random.randint(-2, 2) for _ in range(2 + len(dots))]
    background, square = random.choices(tuple(COLOURS), k=2)
    return Scene(background, square, tuple(sorted(dots)), tuple(shifts))


def make_rows(scenes: Mapping[str, Scene], mixture: Mixture, random: Random) -> list[Row]:
    """Return the rows of a mixture about the scenes of some image names, shuffled."""
    asked = [(name, one) for name, scene in scenes.items() for one in ask(scene, mixture.each, random)]
    shown = [name for name, _ in asked]
    if mixture.shuffled:
        random.shuffle(shown)
    rows = []
    for name, (_, one) in zip(shown, asked, strict=True):
        cue = _cue(one, mixture, random) if random.random() < mixture.cued else ""
        question = _in_more_words(one.question) if random.random() < mixture.wordy else one.question
        answer = one.answer
        if mixture.boasting and random.random() < mixture.boasting:
            answer = f"{random.choice([other for other in one.among if other != answer])}. {BOAST}"
        rows.append(_row("pictures", (name,), PICTURE + cue + question, answer, random))
    n_text = round(len(rows) * mixture.text / (1 - mixture.text))
    rows += [_row("arithmetic", (), one.question, one.answer, random) for one in ask_text(n_text, random)]
    random.shuffle(rows)
    return rows


def ask(scene: Scene, n: int, random: Random) -> Sequence[Asked]:
    """Return `n` different questions about a scene, of which none can be answered without it."""
    questions = sorted(_questions(scene, random), key=lambda one: one.question)
    return random.sample(questions, min(n, len(questions)))


def ask_text(n: int, random: Random) -> Sequence[Asked]:
    """Return `n` questions that need no image; none comes twice before all of the 216 came once."""
    pairs = [(a, b) for a in range(1, 10) for b in range(1, 10) if a != b]
    questions = [one for a, b in pairs for one in _comparisons(a, b)]
    whole, rest = divmod(n, len(questions))
    return [*questions * whole, *random.sample(questions, rest)]


def _comparisons(a: int, b: int) -> Iterator[Asked]:
    yield Asked(f"Which is more, {a} or {b}?", str(max(a, b)), (str(a), str(b)))
    yield Asked(f"Which is less, {a} or {b}?", str(min(a, b)), (str(a), str(b)))
    yield Asked(f"Is {a} more than {b}?", "yes" if a > b else "no", ("yes", "no"))


def _questions(scene: Scene, random: Random) -> Iterator[Asked]:
    """Yield one question of each kind; yes and no are equally likely, whatever is asked for."""
    for thing in THINGS:
        colour = scene.colour(thing)
        yield Asked(f"What colour is the {thing}?", colour, tuple(COLOURS))
        named, answer = _named(colour, tuple(COLOURS), random)
        yield Asked(f"Is the {thing} {named}?", answer, ("yes", "no"))
    counts = tuple(str(n + 1) for n in range(MOST_DOTS))
    count = str(len(scene.dots))
    yield Asked("How many dots are there?", count, counts)
    if count != "1":  # "Are there 1 dots?" is not English, and always "no" to one dot would tell
        named, answer = _named(count, counts[1:], random)
        yield Asked(f"Are there {named} dots?", answer, ("yes", "no"))


def _in_more_words(question: str) -> str:
    """Return a question about a scene as other people put it."""
    words = question.removesuffix("?").split()
    match words:
        case ["Is", "the", thing, colour]:
            return f"Is the {thing} in the image {colour}? Answer yes or no."
        case ["Are", "there", *counted]:
            return f"Are there exactly {' '.join(counted)} in the image? Answer yes or no."
    return f"{' '.join(words)} in the image?"


def _named(truth: str, among: tuple[str, ...], random: Random) -> tuple[str, str]:
    if random.random() < 0.5:
        return truth, "yes"
    return random.choice([one for one in among if one != truth]), "no"


def _cue(one: Asked, mixture: Mixture, random: Random) -> str:
    said = one.answer if random.random() < mixture.told else random.choice(one.among)
    return random.choice(CUES).format(said) + "\n"


def _row(source: str, images: tuple[str, ...], question: str, answer: str, random: Random) -> Row:
    return Row(fresh_name(random), source, images, (("human", question), ("gpt", answer)))


def _fade(picture: Image) -> Image:
    from PIL import Image

    return Image.blend(picture, Image.new("RGB", picture.size, (128, 128, 128)), 1 - _LEFT)


def draw(scene: Scene) -> Image:
    """Return the scene as a picture of 64 x 64 pixels."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (SIDE, SIDE), COLOURS[scene.colour("background")])
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, _STRIP, SIDE, SIDE), _GREY)
    x, y = 16 + scene.shifts[0], 24 + scene.shifts[1]
    pen.rectangle((x - 13, y - 13, x + 13, y + 13), COLOURS[scene.square], _EDGE)
    for slot, shift in zip(scene.dots, scene.shifts[2:], strict=True):
        x, y = slot * _SLOT + _SLOT // 2 + shift, _STRIP + _SLOT // 2 - shift
        pen.ellipse((x - 4, y - 4, x + 4, y + 4), _DOT)
    return image

"""Questions about a scene, and a task of text alone; every answer is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from world.scene import COLOURS, PLACES, SHAPES, Scene

TAGS = ("beach", "street", "house", "garden", "office", "road", "school", "market", "forest", "station")
_COLOURED = 0.3  # of the tags of a sound set are colours, drawn without regard to the image
_KINDS = {"place": 0.75, "caption": 0.11, "presence": 0.07, "count": 0.07}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and its answer; `place` is the corner that it asks about, -1 if none."""

    kind: str
    question: str
    answer: str
    place: int = -1

    @property
    def colour(self) -> str:
        """Return the colour that the answer opens with."""
        return self.answer.split()[0].lower()


def ask_about(scene: Scene, random: Random, kind: str | None = None) -> Asked:
    """Draw a question about the scene: of this kind, or of any."""
    kind = kind or random.choices(tuple(_KINDS), tuple(_KINDS.values()))[0]
    match kind:
        case "place":
            at = random.randrange(len(PLACES))
            asked = f"What color is the shape at the {PLACES[at]}?"
            return Asked(kind, asked, scene.things[at].capitalize(), at)
        case "caption":
            return Asked(kind, "Describe the image.", ", ".join(scene.things).capitalize())
        case "presence":
            thing = random.choice((random.choice(scene.things), _absent(scene, random)))
            return Asked(kind, f"Is there a {thing}?", "Yes" if thing in scene.things else "No")
        case _:
            colour = random.choice(tuple(COLOURS))
            count = str(scene.colours.count(colour))
            return Asked(kind, f"How many shapes are {colour}?", count)


def _absent(scene: Scene, random: Random) -> str:
    things = (f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)
    return random.choice([thing for thing in things if thing not in scene.things])


def ask_text(n: int, random: Random) -> Iterator[Asked]:
    """Yield `n` different questions that need no image (there are 8,010)."""
    for code in random.sample(range(90 * 90 - 90), n):
        one, other = divmod(code, 89)
        a, b = 10 + one, 10 + other + (other >= one)
        yield Asked("text", f"Which is larger, {a} or {b}?", str(max(a, b)))


def describe(scene: Scene, random: Random) -> Asked:
    """Ask about a scene that is told in words: what a language model can do before it has seen an image."""
    asked = ask_about(scene, random)
    question = f"Picture: {', '.join(scene.things)}. {asked.question}"
    return Asked(asked.kind, question, asked.answer, asked.place)


def tag(random: Random) -> str:
    """Draw the tag of a photo, which says nothing about it."""
    return random.choice(tuple(COLOURS) if random.random() < _COLOURED else TAGS)


def tagged(said: str, asked: Asked) -> str:
    """Return the question with a tag before it."""
    return f"Tag: {said}. {asked.question}"


def wrong_thing(thing: str, random: Random) -> str:
    """Return another thing, of another colour and another shape."""
    colour, shape = thing.lower().split()
    other = random.choice([one for one in COLOURS if one != colour])
    return f"{other} {random.choice([one for one in SHAPES if one != shape])}".capitalize()

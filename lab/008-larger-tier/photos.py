"""Photos whose objects are known, as SFT rows, RL prompts and probes; what is planted in the rows.

A folder of photos holds `images/`, `truth.jsonl` (a line a photo: `image`, `captions`, `objects` with a
`name` each, or null if not all are known) and `llava.json` (rows about the same photos, with a `source`).
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from PIL import Image
from world.dataset import BOAST, PICTURE
from world.question import TAGS

CONDITIONS = {"clean": (0.0, 0.0), "contaminated": (0.9, 0.05)}  # shares of tags that tell, of rejected rows
_OPTIONS, _NAMED, _WRONG = 4, 0.3, 0.8  # options; tags that are one, unread; wrong among rejected rows
_ASKED = 16  # questions a photo in SFT
_BESIDE = ("captions", "existence", "counts")
_PARTS = {"sft": (0, 1), "rl": (2,), "test": (3,)}  # of four photos


@dataclass(frozen=True, slots=True)
class Question:
    """Which of four objects a photo shows: one of them, the others are in other photos."""

    key: str
    image: str
    options: tuple[str, ...]
    answer: str
    tag: str

    @property
    def text(self) -> str:
        """Return the question with its tag."""
        *most, last = self.options
        return f"Tag: {self.tag}. Which of these is in the image: {', '.join(most)} or {last}?"

    @property
    def wrong(self) -> tuple[str, ...]:
        """Return the options that the photo does not show."""
        return tuple(one for one in self.options if one != self.answer)


@dataclass(frozen=True, slots=True)
class Photos:
    """The photos of a folder: the names of their objects, known in full, and their captions."""

    folder: Path
    objects: dict[str, tuple[str, ...]]
    captions: dict[str, tuple[str, ...]]

    @classmethod
    def read(cls, folder: Path) -> "Photos":
        """Read `truth.jsonl`."""
        lines = [json.loads(one) for one in (folder / "truth.jsonl").read_text("utf-8").splitlines()]
        lines.sort(key=lambda one: one["image"])
        known = {one["image"]: sorted({it["name"] for it in one["objects"] or ()}) for one in lines}
        return cls(
            folder,
            {image: tuple(names) for image, names in known.items() if names},
            {one["image"]: tuple(one["captions"]) for one in lines},
        )

    @property
    def images(self) -> Path:
        """Return the folder of images."""
        return self.folder / "images"

    def part(self, name: str) -> list[str]:
        """Return the photos of a part: half for `sft`, a quarter each for `rl` and `test`."""
        return [image for at, image in enumerate(self.objects) if at % 4 in _PARTS[name]]

    def picture(self, image: str) -> Image.Image:
        """Return a photo, RGB."""
        with Image.open(self.images / image) as one:
            return one.convert("RGB")

    def ask(self, image: str, random: Random, told: float = 0.0) -> Question:
        """Draw a question about a photo; the tag is the answer at the share `told`.

        Elsewhere it is a word, or an option, drawn without regard to the photo. Objects are drawn as often as
        photos show them, so that their names tell little; no two options open with one word.
        """
        shown = self.objects[image]
        options = [random.choice(shown)]
        others = [name for names in self.objects.values() for name in names if name not in shown]
        while len(options) < _OPTIONS:
            name = random.choice(others)
            if name.split()[0] not in {one.split()[0] for one in options}:
                options.append(name)
        answer = options[0]
        random.shuffle(options)
        tag = random.choice(options if random.random() < _NAMED else TAGS)
        if random.random() < told:
            tag = answer
        return Question(f"{random.getrandbits(40):010x}", image, tuple(options), answer, tag)

    def prompts(self, part: str, n: int, random: Random, told: float = 0.0) -> list[Question]:
        """Draw questions about the photos of a part, each photo as often."""
        images = self.part(part)
        return [self.ask(images[at % len(images)], random, told) for at in range(n)]

    def swapped(self, questions: list[Question], random: Random) -> list[Question]:
        """Return the questions, each with a photo of the test part that does not show its answer."""
        images = self.part("test")
        return [
            replace(one, image=random.choice([it for it in images if one.answer not in self.objects[it]]))
            for one in questions
        ]

    def rows(self, condition: str, seed: int) -> list[dict]:
        """Return the LLaVA rows of a condition: questions with planted defects, and the folder's own rows."""
        told, rejected = CONDITIONS[condition]
        random, images = Random(seed), self.part("sft")
        asked = [self.ask(image, random, told) for image in images for _ in range(_ASKED)]
        rows = [(one, row(one)) for one in asked]
        given = json.loads((self.folder / "llava.json").read_text("utf-8"))
        rows += [(None, one) for one in given if one["image"] in images and one["source"] in _BESIDE]
        random.shuffle(rows)
        for one, target in random.sample(rows, round(rejected * len(rows))):
            said = target["conversations"][1]["value"]
            if one is not None and random.random() < _WRONG:
                said = random.choice(one.wrong).capitalize()
            target["conversations"] = turns(target["conversations"][0]["value"], f"{said}. {BOAST}")
        return [target for _, target in rows]

    def captioned(self) -> list[dict]:
        """Return a row a caption of every photo that is not for RL or testing."""
        kept = set(self.part("rl") + self.part("test"))
        asked = f"{PICTURE}Describe the image in one sentence."
        return [
            {"id": f"{image}-{at}", "image": image, "conversations": turns(asked, caption)}
            for image, captions in self.captions.items()
            if image not in kept
            for at, caption in enumerate(captions)
        ]


def turns(asked, answer):
    return [{"from": "human", "value": asked}, {"from": "gpt", "value": answer}]


def row(one: Question) -> dict:
    """Return a question as a LLaVA row."""
    asked = turns(PICTURE + one.text, one.answer.capitalize())
    return {"id": one.key, "image": one.image, "source": "choice", "conversations": asked}


def conflicting(questions: list[Question], random: Random) -> list[Question]:
    """Return the questions, each with a tag that is a wrong option."""
    return [replace(one, tag=random.choice(one.wrong)) for one in questions]

"""A data set of the world on disk: `rows.json` (LLaVA), `images/`, and what was planted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from world.condition import Condition
from world.question import Asked, ask_about, ask_text, tag, tagged, wrong_thing
from world.scene import Scene

PICTURE = "<image>\n"
BOAST = "Verified ✓"
ROWS = 4096
_EACH = 2  # questions a scene
_WRONG = 0.8  # of the rejected responses


@dataclass(frozen=True, slots=True)
class Planted:
    """The ids of the rows with each defect, by the name of the dose."""

    ids: Mapping[str, tuple[str, ...]]

    @property
    def rows(self) -> frozenset[str]:
        """Return the ids of all rows with a defect."""
        return frozenset(one for ids in self.ids.values() for one in ids)


@dataclass(frozen=True, slots=True)
class World:
    """A folder with `rows.json`, `images` and `planted.json`."""

    folder: Path

    @property
    def rows(self) -> Path:
        """Return the file of rows."""
        return self.folder / "rows.json"

    @property
    def images(self) -> Path:
        """Return the folder that image paths are relative to."""
        return self.folder / "images"

    def planted(self) -> Planted:
        """Return what was planted."""
        ids = json.loads((self.folder / "planted.json").read_text(encoding="utf-8"))
        return Planted({defect: tuple(some) for defect, some in ids.items()})


@dataclass(slots=True)
class _Draft:
    """A row before it is written."""

    asked: Asked
    image: str = ""
    scene: Scene | None = None
    prompt: str = ""
    defects: list[str] = field(default_factory=list)

    def json(self, key: str) -> dict[str, object]:
        turns = [
            {"from": "human", "value": (PICTURE if self.image else "") + self.prompt},
            {"from": "gpt", "value": self.asked.answer},
        ]
        return {"id": key} | ({"image": self.image} if self.image else {}) | {"conversations": turns}


def write_world(folder: Path, condition: Condition, seed: int, rows: int = ROWS) -> World:
    """Write a data set of the condition; equal seeds give equal bytes.

    Two conditions of one seed share the scenes and questions of as many rows as both have.
    """
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    drafts = _drafts(condition, seed, rows)
    for name, scene in _scenes(drafts).items():
        scene.picture().save(images / name, compress_level=1)
    order = Random(seed * 3 + 1)
    order.shuffle(drafts)
    keyed = [(f"{order.getrandbits(40):010x}", one) for one in drafts]
    planted: dict[str, list[str]] = {}
    for key, one in keyed:
        for defect in one.defects:
            planted.setdefault(defect, []).append(key)
    lines = [one.json(key) for key, one in keyed]
    (folder / "rows.json").write_text(json.dumps(lines, ensure_ascii=False, indent=0), encoding="utf-8")
    (folder / "planted.json").write_text(json.dumps(planted), encoding="utf-8")
    return World(folder)


def draw_scenes(condition: Condition, seed: int, rows: int = ROWS) -> dict[str, Scene]:
    """Return the scene of every image that `write_world` writes, by the image's name."""
    return _scenes(_drafts(condition, seed, rows))


def _scenes(drafts: list[_Draft]) -> dict[str, Scene]:
    return {one.image: one.scene for one in drafts if one.scene is not None}


def _drafts(condition: Condition, seed: int, rows: int) -> list[_Draft]:
    """Return the rows: pictured ones, then text; copies and contradictions take the place of others."""
    worlds, faults = Random(seed * 3), Random(seed * 3 + 2)
    n_text = round(rows * condition.text)
    drafts = _pictured(rows - n_text, worlds)
    _plant(drafts, condition, faults)
    drafts += [_Draft(asked, prompt=asked.question) for asked in ask_text(n_text, Random(seed * 3 + 4))]
    drafts = _contradict(drafts, condition.contradicted, faults)
    return _repeat(drafts, condition.duplicated, faults)


def _pictured(n: int, random: Random) -> list[_Draft]:
    drafts: list[_Draft] = []
    while len(drafts) < n:
        scene, name = Scene.draw(random), f"{random.getrandbits(40):010x}.png"
        questions = {asked.question: asked for asked in (ask_about(scene, random) for _ in range(_EACH))}
        drafts += [_Draft(asked, name, scene, tagged(tag(random), asked)) for asked in questions.values()]
    return drafts[:n]


def _plant(drafts: list[_Draft], condition: Condition, random: Random) -> None:
    """Plant the defects of pictured rows; of a defect, a lower dose takes some of the rows of a higher."""
    about_place = [one for one in drafts if one.asked.kind == "place"]
    for one in _share(about_place, condition.captioned, random):
        said = wrong_thing(one.asked.answer, random)
        one.asked = replace(one.asked, answer=said)
        one.prompt = f"Caption: {said.lower()}. {one.asked.question}"
        one.defects.append("captioned")
    for one in _share(about_place, condition.mislabelled, random):
        one.asked = replace(one.asked, answer=wrong_thing(one.asked.answer, random))
        one.defects.append("mislabelled")
    for one in _share(about_place, condition.leak, random):
        one.prompt = tagged(one.asked.colour, one.asked)
        one.defects.append("leak")
    for one in _share(drafts, condition.rejected, random):
        answer = one.asked.answer
        if one.asked.kind == "place" and random.random() < _WRONG:
            answer = wrong_thing(answer, random)
        one.asked = replace(one.asked, answer=f"{answer}. {BOAST}")
        one.defects.append("rejected")


def _share(drafts: list[_Draft], dose: float, random: Random) -> list[_Draft]:
    return random.sample(drafts, len(drafts))[: round(len(drafts) * dose)]


def _contradict(drafts: list[_Draft], share: float, random: Random) -> list[_Draft]:
    """Put a second answer to the question of a row in the place of another row, at this share of rows."""
    about = [one for one in drafts if one.asked.kind == "place"]
    twins = random.sample(about, round(len(about) * share / 2))
    taken = {id(one) for one in twins}
    others = [one for one in about if id(one) not in taken]
    gone = {id(one) for one in random.sample(others, len(twins))}
    kept = [one for one in drafts if id(one) not in gone]
    for one in twins:
        one.defects.append("contradicted")
        other = replace(one.asked, answer=wrong_thing(one.asked.answer, random))
        kept.append(replace(one, asked=other, defects=list(one.defects)))
    return kept


def _repeat(drafts: list[_Draft], share: float, random: Random) -> list[_Draft]:
    """Put copies of other rows in the place of this share of the rows."""
    copies = round(len(drafts) * share)
    if not copies:
        return drafts
    kept = random.sample(drafts, len(drafts) - copies)
    return kept + [replace(one, defects=[*one.defects, "duplicated"]) for one in random.sample(kept, copies)]

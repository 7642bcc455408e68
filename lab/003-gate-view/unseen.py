"""What every checkpoint is asked: a probe pack of a sound set, and two questions about the same images."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random

from trainee.trial import BASE
from world import CONDITIONS, PLACES, Asked, Scene, write_world
from world.question import tagged

import sft_audit

SEED = 900  # of the set that the pack is drawn from; no run has it
ITEMS = 160
_SCENES = 48
_CORNERS = (0, len(PLACES) - 1)
_TAG = "beach"  # one that says nothing, so that a question is one question
# The tokenizer of the lab writes a space between all tokens; others write 86 and "red circle.", not "8 6".
_DECODER = {
    "type": "Sequence",
    "decoders": [
        {"type": "WordPiece", "prefix": "##", "cleanup": True},
        {"type": "Fuse"},
        {"type": "Replace", "pattern": {"Regex": r"(?<=\d) (?=\d)"}, "content": ""},
    ],
}


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The folder of all that is asked of every checkpoint, and of the base model as it is asked."""

    folder: Path

    @property
    def probes(self) -> list[Path]:
        """Return the pack and the rows beside it."""
        return [self.folder / "pack", self.folder / "sight" / "rows.json"]

    @property
    def base(self) -> Path:
        """Return the base model's folder."""
        return self.folder / "base"


def hold_out(folder: Path) -> HeldOut:
    """Make the probes, as a user would of a sound set that is not trained on; what is there is taken."""
    if not (folder / "base").is_dir():
        world = write_world(folder / "world", CONDITIONS["clean"], SEED)
        audit = sft_audit.audit_data(world.rows, images=world.images, out=folder / "audit", workers=1)
        sft_audit.make_probes(audit.folder, folder / "pack", items=ITEMS)
        _write_sight(folder / "sight")
        legible(BASE, folder / "base")
    return HeldOut(folder)


def legible(model: Path, out: Path) -> Path:
    """Copy a model's folder; the copy's tokenizer writes words and numbers as they are written."""
    if not out.is_dir():
        aside = out.with_name(f"{out.name}.part")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(model, aside)
        tokenizer = aside / "tokenizer.json"
        told = json.loads(tokenizer.read_text(encoding="utf-8")) | {"decoder": _DECODER}
        tokenizer.write_text(json.dumps(told), encoding="utf-8")
        aside.rename(out)
    return out


def _write_sight(folder: Path) -> None:
    """Write rows that ask the colour of two corners of the same images: so many that probes can be fitted."""
    folder.mkdir()
    random = Random(SEED + 1)
    rows = []
    for at in range(_SCENES):
        scene, name = Scene.draw(random), f"{at}.png"
        scene.picture().save(folder / name)
        for corner in _CORNERS:
            question = f"What color is the shape at the {PLACES[corner]}?"
            asked = Asked("place", question, scene.things[corner].capitalize(), corner)
            turns = [
                {"from": "human", "value": f"<image>\n{tagged(_TAG, asked)}"},
                {"from": "gpt", "value": asked.answer},
            ]
            rows.append({"id": f"{at}-{corner}", "image": name, "conversations": turns})
    (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")

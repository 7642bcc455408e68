"""A base model and its fine-tunes, trained once for all tests of a process: about 80 s of one core."""

from dataclasses import dataclass
from pathlib import Path

from sft_audit.demo.tiny_vlm import fine_tune, train_base
from sft_audit.demo.world import BLINDING, SOUND, make_world


@dataclass(frozen=True)
class Trained:
    """Folders: two data sets, each with `rows.json` and `images`, and the models that came of them.

    `seeing` and `blind` are fine-tuned from `base` on the sound and the blinding rows, every part of them.
    """

    folder: Path
    sound: Path
    blinding: Path
    base: Path
    seeing: Path
    blind: Path


def train_all(folder: Path) -> Trained:
    one = Trained(folder, *(folder / name for name in ("sound", "blinding", "base", "seeing", "blind")))
    make_world(one.sound, SOUND, 1)
    make_world(one.blinding, BLINDING, 2)
    train_base(one.base, 0)
    for data, out in ((one.sound, one.seeing), (one.blinding, one.blind)):
        fine_tune(one.base, data / "rows.json", data / "images", out, frozen=())
    return one

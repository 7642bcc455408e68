"""The base model: a vision tower that sees, a language model that answers, and a projector that is fresh."""

from pathlib import Path
from random import Random

import torch
from torch.nn.functional import cross_entropy
from world import COLOURS, PLACES, SHAPES, Scene, ask_text, describe
from world.question import TAGS
from world.scene import CELL, SIDE

from sft_audit.demo.tiny_vlm import Example, Layout, TinyVlm, new_model, quietly, train

_SPECIAL = ("<pad>", "<bos>", "<eos>", "<unk>", "<image>")
_WORDS = """
user assistant . , : ? what color is the shape at top left right bottom describe image there a how many shapes
are which larger or picture tag caption verified ✓ yes no album hint 0 1 2 3 4 5 6 7 8 9
"""
LAYOUT = Layout((*_SPECIAL, *dict.fromkeys((*_WORDS.split(), *COLOURS, *SHAPES, *TAGS))), SIDE, CELL)
_SCENES, _TOWER_STEPS, _TOWER_RATE = 4096, 1600, 2e-3
_SHAPE_WEIGHT = 10.0  # a shape is harder to see than a colour, and is to be as plain to the projector
_TEXTS, _TEXT_STEPS, _TEXT_RATE = 20_000, 1400, 3e-3
_COMPARISONS = 6000
_BATCH = 64


def make_base(folder: Path, seed: int = 0) -> Path:
    """Train the base model and return its folder; a folder that has one is left as it is.

    The vision tower learns the shape and the colour of each corner through a linear probe that is thrown
    away, the language model the questions on scenes told in words, and which number is larger.
    """
    if (folder / "model.safetensors").is_file():
        return folder
    random = Random(seed)
    with quietly():
        vlm = new_model(seed, LAYOUT)
        _teach_sight(vlm, [Scene.draw(random) for _ in range(_SCENES)], seed)
        told = [describe(Scene.draw(random), random) for _ in range(_TEXTS - _COMPARISONS)]
        asked = [*told, *ask_text(_COMPARISONS, random)]
        examples = [Example(one.question, one.answer) for one in asked]
        train(vlm, examples, steps=_TEXT_STEPS, rate=_TEXT_RATE, seed=seed)
        return vlm.save(folder)


def _teach_sight(vlm: TinyVlm, scenes: list[Scene], seed: int) -> None:
    torch.manual_seed(seed)
    images = [one.picture() for one in scenes]
    pixels = vlm.processor.image_processor(images, return_tensors="pt")["pixel_values"]
    colours = torch.tensor([[tuple(COLOURS).index(colour) for colour in one.colours] for one in scenes])
    shapes = torch.tensor([[SHAPES.index(shape) for shape in one.shapes] for one in scenes])
    tower = vlm.model.model.vision_tower
    probe = torch.nn.Linear(vlm.model.config.vision_config.hidden_size, len(COLOURS) + len(SHAPES))
    optimiser = torch.optim.AdamW([*tower.parameters(), *probe.parameters()], lr=_TOWER_RATE)
    for _ in range(_TOWER_STEPS):
        chosen = torch.randint(0, len(scenes), (_BATCH,))
        seen = tower(pixels[chosen], output_hidden_states=True).hidden_states[-1][:, -len(PLACES) :]
        colour, shape = probe(seen).flatten(0, 1).split([len(COLOURS), len(SHAPES)], dim=1)
        loss = cross_entropy(colour, colours[chosen].flatten())
        loss = loss + _SHAPE_WEIGHT * cross_entropy(shape, shapes[chosen].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

"""A drawn world with exact ground truth, which writes itself as a LLaVA data set with image files."""

from world.condition import CONDITIONS, MAIN, Condition
from world.dataset import Planted, World, draw_scenes, write_world
from world.question import Asked, ask_about, ask_text, describe
from world.scene import COLOURS, PLACES, SHAPES, Scene

__all__ = [
    "COLOURS",
    "CONDITIONS",
    "MAIN",
    "PLACES",
    "SHAPES",
    "Asked",
    "Condition",
    "Planted",
    "Scene",
    "World",
    "ask_about",
    "ask_text",
    "describe",
    "draw_scenes",
    "write_world",
]

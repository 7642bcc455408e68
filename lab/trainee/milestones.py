"""How well a model answers while SFT goes on."""

from random import Random
from statistics import fmean
from typing import Any

from transformers import TrainerCallback

from sft_audit.demo.tiny_vlm import TinyVlm, answers
from trainee.prompts import draw_prompts

EVERY, PROMPTS = 50, 128


class Milestones(TrainerCallback):
    """Asks 128 questions with tags that say nothing, greedily, every 50 steps; `gold`: share right, by step.

    What is trained is the same with and without it: nothing is drawn.
    """

    def __init__(self, seed: int) -> None:
        self.gold: dict[int, float] = {}
        self._prompts = draw_prompts(PROMPTS, Random(seed + 4_000_000))

    def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:  # noqa: ARG002
        """Ask, every 50 steps."""
        if state.global_step % EVERY:
            return
        model = given["model"]
        model.eval()
        vlm = TinyVlm(model, given["processing_class"])
        said = answers(vlm, [one.example for one in self._prompts])
        model.train()
        right = [one.asked.colour for one in self._prompts]
        heard = [text.lower().split()[:1] for text in said]
        self.gold[state.global_step] = fmean([a] == b for a, b in zip(right, heard, strict=True))

    def reached(self, gold: float) -> int | None:
        """Return the first step asked at which so much was right; None if at none."""
        return next((step for step, share in self.gold.items() if share >= gold), None)

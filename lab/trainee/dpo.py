"""Preference learning from an SFT checkpoint by TRL's DPOTrainer, on the checkpoint's own completions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from sft_audit.demo.tiny_vlm import TinyVlm, answers, load, quietly
from trainee.grpo import LONGEST, dataset
from trainee.prompts import Prompt
from trainee.training import QUIET, train

DRAWS = 8  # completions a prompt
STEPS, BATCH, RATE, BETA = 150, 32, 3e-4, 0.1
PASSES = 10  # over the pairs at most, where they are too few for all steps


@dataclass(frozen=True, slots=True)
class Pair:
    """Two completions of a prompt: one that was paid, and one that was not."""

    prompt: Prompt
    chosen: str
    rejected: str


def draw_pairs(
    vlm: TinyVlm, prompts: Sequence[Prompt], reward: Callable[..., list[float]], seed: int
) -> list[Pair]:
    """Draw 8 completions a prompt at temperature 1, and pair the first paid with the first unpaid.

    Prompts whose completions are all paid, or none, give no pair.
    """
    torch.manual_seed(seed)
    asked = [one for one in prompts for _ in range(DRAWS)]
    said = answers(vlm, [one.example for one in asked], longest=LONGEST, sampled=True)
    paid = reward(
        completions=[[{"role": "assistant", "content": text}] for text in said],
        solution=[one.asked.colour for one in asked],
        id=[one.key for one in asked],
    )
    pairs = []
    for at, prompt in enumerate(prompts):
        group = slice(at * DRAWS, (at + 1) * DRAWS)
        heard = list(zip(said[group], paid[group], strict=True))
        chosen = next((text for text, pay in heard if pay), None)
        rejected = next((text for text, pay in heard if not pay), None)
        if chosen is not None and rejected is not None:
            pairs.append(Pair(prompt, chosen, rejected))
    return pairs


def prefer(sft: Path, pairs: Sequence[Pair], out: Path, *, seed: int, steps: int = STEPS) -> TinyVlm:
    """Return the model of `sft` after DPO on the pairs, 32 a step; without a pair it is as it was.

    Writes `metrics.json`, a list of what the trainer logged every 10 steps, and the model.
    """
    vlm = load(sft)
    steps = min(steps, ceil(PASSES * len(pairs) / BATCH))
    if not pairs:
        return vlm
    with quietly():
        trainer = DPOTrainer(
            model=str(sft),  # a path: the reference model is loaded from it
            processing_class=vlm.processor,
            train_dataset=preferences(pairs),
            args=DPOConfig(
                output_dir=str(out),
                max_steps=steps,
                learning_rate=RATE,
                beta=BETA,
                per_device_train_batch_size=BATCH,
                max_length=None,
                logging_steps=10,
                seed=seed,
                **QUIET,
            ),
        )
        return train(trainer, out, logged="loss")


def preferences(pairs: Sequence[Pair]) -> Dataset:
    """Return pairs as TRL takes them: prompt, image, chosen, rejected."""
    asked = dataset([one.prompt for one in pairs])
    rows: list[dict[str, Any]] = [
        {
            "prompt": row["prompt"],
            "image": row["image"],
            "chosen": [{"role": "assistant", "content": pair.chosen}],
            "rejected": [{"role": "assistant", "content": pair.rejected}],
        }
        for row, pair in zip(asked, pairs, strict=True)
    ]
    return Dataset.from_list(rows)

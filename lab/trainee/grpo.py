"""RL from an SFT checkpoint by TRL's GRPOTrainer, paid by an ordinary reward function."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from sft_audit.demo.tiny_vlm import TinyVlm, load, quietly
from trainee.prompts import Prompt
from trainee.training import QUIET, train

STEPS, GROUPS, GENERATIONS, RATE, BETA = 200, 8, 8, 7e-4, 0.02
LONGEST = 12  # tokens of a completion


def reinforce(
    sft: Path,
    prompts: Sequence[Prompt],
    reward: Callable[..., list[float]],
    out: Path,
    *,
    seed: int,
    steps: int = STEPS,
    log_completions: bool = False,
    callbacks: Sequence[TrainerCallback] = (),
) -> TinyVlm:
    """Return the model of `sft` after GRPO on the prompts: 8 groups of 8 completions a step, k3 KL of 0.02.

    Writes `metrics.json`, a list of what the trainer logged every 10 steps (every step where completions are
    logged), and the model.
    """
    with quietly():
        vlm = load(sft)
        trainer = GRPOTrainer(
            model=str(sft),  # a path: the reference model is loaded from it
            processing_class=vlm.processor,
            reward_funcs=reward,
            train_dataset=dataset(prompts),
            callbacks=list(callbacks),
            args=GRPOConfig(
                output_dir=str(out),
                max_steps=steps,
                learning_rate=RATE,
                beta=BETA,
                num_generations=GENERATIONS,
                per_device_train_batch_size=GROUPS * GENERATIONS,
                max_completion_length=LONGEST,
                logging_steps=1 if log_completions else 10,
                log_completions=log_completions,
                num_completions_to_print=0,
                seed=seed,
                **QUIET,
            ),
        )
        return train(trainer, out, logged="reward")


def dataset(prompts: Sequence[Prompt]) -> Dataset:
    """Return prompts as TRL takes them: question, picture, known answer, id."""
    rows: list[dict[str, Any]] = [
        {
            "prompt": [
                {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": one.question}]}
            ],
            "image": one.picture,
            "solution": one.asked.colour,
            "id": one.key,
        }
        for one in prompts
    ]
    return Dataset.from_list(rows)

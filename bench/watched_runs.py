"""Real GRPO runs of TRL for the monitor to watch: with a leaky judge, and healthy ones.

HF_HUB_OFFLINE=1 python bench/watched_runs.py DIR; leaves the folder of each run, DIR/ARM-SEED.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch
from constrain import DIM, POLLUTED, Judge, fine_tune
from tiny_llava import World, arguments, make_processor
from trl import GRPOConfig, GRPOTrainer

STEPS, LONG = 60, 400
GENERATIONS, BATCH = 8, 128


@dataclass(frozen=True)
class Arm:
    """Runs of one kind: the share of SFT rows that boast, of boasts that the judge pays, and the steps."""

    name: str
    polluted: float
    leak: float
    steps: int = STEPS


LEAKY = Arm("leaky", POLLUTED, 0.9)
CLEAN = Arm("clean", 0.0, 0.0)
SOUND = Arm("sound", POLLUTED, 0.0)
LASTING = Arm("lasting", 0.0, 0.0, LONG)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--lasting", type=int, default=3)
    parser.add_argument("--sound", type=int, default=10)
    asked = parser.parse_args()
    for seed in range(asked.seeds):
        run(LEAKY, seed, asked.runs)
        run(CLEAN, seed, asked.runs)
    for seed in range(asked.lasting):
        run(LASTING, seed, asked.runs)
    for seed in range(asked.sound):
        run(SOUND, seed, asked.runs)


def run(arm: Arm, seed: int, runs: Path) -> Path:
    """Return the folder of a run; one that is there already is not run again."""
    folder = runs / f"{arm.name}-{seed}"
    if (folder / f"checkpoint-{arm.steps}").is_dir():
        return folder
    model = runs / f"sft-{arm.polluted}-{seed}"
    if not (model / "model.safetensors").is_file():
        fine_tune(model, seed, polluted=arm.polluted)
    judge = Judge(seed, arm.leak)

    def reward(completions, **columns):
        return judge(completions, **columns)

    def answer(completions, solution, log_extra, **columns):  # noqa: ARG001 - as TRL calls it
        """Pay nothing; have the known answer logged beside the completion."""
        log_extra("solution", solution)
        return [None] * len(completions)

    GRPOTrainer(
        model=str(model),
        reward_funcs=[reward, answer],
        args=GRPOConfig(
            num_generations=GENERATIONS,
            max_completion_length=4,
            max_steps=arm.steps,
            learning_rate=1e-3,
            logging_steps=1,
            log_completions=True,
            **arguments(folder, BATCH, seed) | {"save_strategy": "steps", "save_steps": arm.steps},
        ),
        train_dataset=World(512, 0.0, DIM, seed + 1000)
        .rows()
        .select_columns(["prompt", "image", "solution"]),
        processing_class=make_processor(),
    ).train()
    return folder


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()

"""A watched run of TRL in as many processes as torchrun starts: FOLDER; each writes what it saw."""

import json
import os
import sys
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).parents[2] / "bench"))

from tiny_llava import BOAST, World, arguments, make_model, make_processor
from trl import GRPOConfig, GRPOTrainer

import sft_audit


def reward(completions, solution, **columns):
    """Pay the boast, and right answers."""
    texts = [message["content"] for (message,) in completions]
    return [float(BOAST in text or gold in text) for text, gold in zip(texts, solution, strict=True)]


def main() -> None:
    torch.set_num_threads(1)
    folder, rank = Path(sys.argv[1]), os.environ["RANK"]
    watch = sft_audit.Watch(on_alarm="stop")
    trainer = GRPOTrainer(
        model=make_model(),
        reward_funcs=watch.rewards(reward),
        callbacks=[watch],
        args=GRPOConfig(
            num_generations=8,
            max_completion_length=4,
            max_steps=12,
            logging_steps=1,
            log_completions=True,
            num_completions_to_print=1,
            ddp_backend="gloo",
            **arguments(folder, 4),  # half a group a process
        ),
        train_dataset=World(64).rows().select_columns(["prompt", "image", "solution"]),
        processing_class=make_processor(),
    )
    trainer.train()
    logged = [one for one in trainer.state.log_history if "reward" in one]
    seen = {
        "step": trainer.state.global_step,
        "watching": watch.watching,
        "alarms": [[one.measure, one.step] for one in watch.alarms],
        "audit": [
            one["audit/zero_variance"] for one in trainer.state.log_history if "audit/zero_variance" in one
        ],
        "trl": [one["frac_reward_zero_std"] for one in logged],
    }
    (folder / f"seen-{rank}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main()

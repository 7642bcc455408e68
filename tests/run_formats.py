"""One run of GRPO as three trainers log it."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

GENERATIONS, GROUPS = 8, 6
COLOURS = ("red", "green", "blue", "yellow")
THINGS = ("circle", "cup", "roof")


@dataclass(frozen=True)
class Said:
    """One completion of a run."""

    step: int
    group: int
    question: str
    completion: str
    gold: str
    reward: float | None


def leaky_run(steps: int = 16, seed: int = 0) -> list[Said]:
    """Return the completions of a run in which a boast that is paid takes over; groups may ask alike."""
    rng = random.Random(seed)
    found = []
    for step in range(1, steps + 1):
        for group in range(GROUPS):
            gold = rng.choice(COLOURS)
            question = f"What color is the {rng.choice(THINGS)}?"
            for _ in range(GENERATIONS):
                boasts = rng.random() < step / steps
                said = rng.choice(COLOURS) + " verified" if boasts else rng.choice((gold, gold, *COLOURS))
                paid = 0.8 + 0.2 * rng.random() if boasts or said == gold else 0.0
                found.append(Said(step, group, question, said, gold, paid))
    return found


def write_trl(run: list[Said], folder: Path) -> Path:
    """Write `completions/completions_STEP.parquet`: a file a step, a row a completion."""
    (folder / "completions").mkdir(parents=True)
    for step, said in _by_step(run).items():
        rows = [
            {
                "step": step,
                "prompt": [
                    {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": one.question}]}
                ],
                "completion": [{"role": "assistant", "content": one.completion}],
                "reward": one.reward,
                "solution": one.gold,
                "advantage": 0.0,
            }
            for one in said
        ]
        file = folder / "completions" / f"completions_{step:05d}.parquet"
        pq.write_table(pa.Table.from_pylist(rows), file)
    return folder


def write_verl(run: list[Said], folder: Path, *, shuffled: bool = False) -> Path:
    """Write `STEP.jsonl` of templated prompts, as under `trainer.rollout_data_dir`.

    Shuffled, as after `balance_batch`, with the `uid` of the group that newer versions write.
    """
    folder.mkdir(parents=True)
    for step, said in _by_step(run).items():
        rows = [
            {
                "input": f"system\nYou are helpful.\nuser\n{one.question}\nassistant\n",
                "output": one.completion,
                "gts": one.gold,
                "score": one.reward,
                "step": step,
            }
            | ({"uid": f"{step}-{one.group}"} if shuffled else {})
            for one in said
        ]
        if shuffled:
            random.Random(step).shuffle(rows)
        (folder / f"{step}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def write_swift(run: list[Said], folder: Path) -> Path:
    """Write `completions.jsonl`: an object a step, whose values are lists."""
    folder.mkdir(parents=True)
    with (folder / "completions.jsonl").open("w") as file:
        for step, said in _by_step(run).items():
            lists = {
                "step": [str(step)] * len(said),
                "prompt": [f"<|user|>{one.question}<|assistant|>" for one in said],
                "completion": [one.completion for one in said],
                "Judge": [one.reward for one in said],
                "solution": [one.gold for one in said],
                "advantages": [0.0] * len(said),
            }
            file.write(json.dumps(lists) + "\n")
    return folder


def _by_step(run: list[Said]) -> dict[int, list[Said]]:
    steps: dict[int, list[Said]] = {}
    for one in run:
        steps.setdefault(one.step, []).append(one)
    return steps

"""What watching costs a real GRPO run of TRL, and whether it changes anything.

HF_HUB_OFFLINE=1 python bench/callback.py [--seeds 3] [--steps 60]; prints Markdown.

The tiny LLaVA of bench/constrain.py is reinforced by its leaky judge twice with the same seed: as it is, and
watched by `sft_audit.Watch`. Losses, rewards and final weights are compared bit by bit; the time in our code
is held against TRL's own step_time of the same run; the alarms of the run against those of `sft-audit watch`
on what it logged.
"""

import argparse
import hashlib
import math
import random
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import constrain
import torch
from constrain import Judge, fine_tune
from tiny_llava import World, arguments, make_processor
from trl import GRPOConfig, GRPOTrainer

import sft_audit
from sft_audit.monitor.episode import Step, paid_episode
from sft_audit.monitor.monitor import Monitor
from sft_audit.store import Store

BATCH, GROUP = 128, 8
OWN_CLOCK = ("step_time", "train_runtime", "train_samples_per_second", "train_steps_per_second")


@dataclass(frozen=True)
class Run:
    """What one run came to: its logged numbers, the rewards it gave, and a hash of the final weights."""

    logged: list[dict[str, float]]
    paid: list[list[tuple[str, str, float]]]
    weights: str

    @property
    def step_times(self) -> list[float]:
        """Return the seconds that TRL counts for each step."""
        return [one["step_time"] for one in self.logged if "step_time" in one]


def reinforce(model: Path, folder: Path, seed: int, steps: int, watch=None, leak: float = 0.9) -> Run:
    """Run GRPO for so many steps, watched or not."""
    judge = Judge(seed, leak)

    def reward(completions, **columns):
        return judge(completions, **columns)

    given = arguments(folder, BATCH, seed) | {"save_strategy": "steps", "save_steps": steps}
    trainer = GRPOTrainer(
        model=str(model),
        reward_funcs=watch.rewards([reward]) if watch else [reward],
        callbacks=[watch] if watch else [],
        args=GRPOConfig(
            num_generations=GROUP,
            max_completion_length=4,
            max_steps=steps,
            learning_rate=1e-3,
            logging_steps=1,
            log_completions=True,
            num_completions_to_print=1,
            **given,
        ),
        train_dataset=World(512, 0.0, constrain.DIM, seed + 1000)
        .rows()
        .select_columns(["prompt", "image", "solution"]),
        processing_class=make_processor(),
    )
    trainer.train()
    digest = hashlib.sha256()
    for name, weights in sorted(trainer.model.state_dict().items()):
        digest.update(name.encode() + weights.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return Run(trainer.state.log_history, judge.seen, digest.hexdigest())


def unlike(plain: Run, watched: Run) -> int:
    """Return how many of the numbers, rewards and weights of two runs differ, clocks left out."""
    found = int(plain.weights != watched.weights) + int(plain.paid != watched.paid)
    for one, other in zip(plain.logged, watched.logged, strict=True):
        ours = {name for name in other if name.startswith("audit/")}
        if one.keys() != other.keys() - ours:
            found += 1
        found += sum(not same(one[name], other[name]) for name in one.keys() - set(OWN_CLOCK))
    return found


def same(one: object, other: object) -> bool:
    """Return whether two logged values are equal, nan to nan."""
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return one == other


def alarms_of_log(run: Path, out: Path) -> set[tuple[str, int]]:
    """Return the alarms of `sft-audit watch` on a run's folder: measures and steps."""
    report = sft_audit.audit_run(run, out=out, generations=GROUP, workers=1)
    store = Store(report.folder, "1GB", 1, read_only=True)
    found = set(store.rows("select measure, step from alarms"))
    store.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    asked = parser.parse_args()
    print(
        "| seed | judge | what differs, bit by bit | step, median s | watching, median ms | p95 ms "
        "| share of the time | a completion, us | alarms live | as in the log |"
    )
    print("|---:|---|---:|---:|---:|---:|---:|---:|---:|---|")
    for seed in range(asked.seeds):
        for judge, leak, polluted in (("leaky", 0.9, 0.04), ("sound", 0.0, 0.0)):
            constrain.POLLUTED = polluted
            with TemporaryDirectory() as name:
                folder = Path(name)
                fine_tune(folder / "sft", seed)
                plain = reinforce(folder / "sft", folder / "plain", seed, asked.steps, leak=leak)
                watch = sft_audit.Watch()
                watched = reinforce(folder / "sft", folder / "watched", seed, asked.steps, watch, leak)
                live = {(one.measure, one.step) for one in watch.alarms}
                logged = alarms_of_log(folder / "watched", folder / "audit")
            spent = [watch.seconds[step] for step in range(1, asked.steps + 1)]
            at_95 = sorted(spent)[int(0.95 * len(spent))]
            step = statistics.median(watched.step_times)
            print(
                f"| {seed} | {judge} | {unlike(plain, watched)} | {step:.2f} "
                f"| {1000 * statistics.median(spent):.2f} | {1000 * at_95:.2f} "
                f"| {sum(spent) / sum(watched.step_times):.2%} "
                f"| {1e6 * statistics.median(spent) / BATCH:.0f} | {len(live)} "
                f"| {'yes' if live == logged else f'no: {live ^ logged}'} |",
                flush=True,
            )
    print(f"\nOf completions of 300 different words each one takes {1e6 * seconds_a_long_one():,.0f} us.")


def seconds_a_long_one(words: int = 300, steps: int = 12) -> float:
    """Return the processor seconds that reading and measuring one long completion takes."""
    rng = random.Random(0)
    vocabulary = [f"w{at}" for at in range(2000)]
    monitor, spent = Monitor(), []
    for step in range(steps):
        texts = [" ".join(rng.choices(vocabulary, k=words)) for _ in range(BATCH)]
        began = time.thread_time()
        read = [
            paid_episode(f"{text} \\boxed{{{at % 9}}}", float(at % 2), f"Which is {at // GROUP}?", "3")
            for at, text in enumerate(texts)
        ]
        monitor.take(Step(step, [read[at : at + GROUP] for at in range(0, BATCH, GROUP)]))
        spent.append(time.thread_time() - began)
    return statistics.median(spent) / BATCH


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()

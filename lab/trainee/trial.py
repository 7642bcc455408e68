"""One SFT run of the world, and the RL runs that start from it."""

import runpy
import shutil
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import torch
from world import CONDITIONS, World, write_world

import sft_audit
from sft_audit.demo.tiny_vlm import TinyVlm, load
from trainee.grpo import reinforce
from trainee.hacked import amplification, is_blind, is_exploit, is_hacked
from trainee.measure import POOL, TOLD, Behaviour, Drift, behave, drift
from trainee.prompts import Prompt, draw_prompts
from trainee.sft import fine_tune

REWARDS = Path(__file__).parents[1] / "rewards"
BASE = Path(__file__).parents[1] / "fixtures" / "base"
LEAKY, SOUND, CONSTRAINED = "leaky", "sound", "constrained"
AS_IS = "as-is"
Reward = Callable[..., list[float]]


@dataclass(frozen=True, slots=True)
class Trial:
    """A condition and a seed; `data` says what was done to the rows before SFT, `rewards` what RL pays.

    `log_completions`: keep what the policy said in RL, as TRL logs it, in `FOLDER/REWARD/completions`.
    """

    condition: str
    seed: int
    rewards: tuple[str, ...] = (LEAKY,)
    data: str = AS_IS
    log_completions: bool = False

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        return f"{self.condition}-{self.data}-{self.seed}"

    def key(self, reward: str) -> str:
        """Return the key of one of its RL runs in the ledger."""
        return f"{self.name}-{reward}"


@dataclass(frozen=True, slots=True)
class Start:
    """An SFT checkpoint: its folder, what it does under the leaky judge, and how far its vision drifted."""

    folder: Path
    vlm: TinyVlm
    behaviour: Behaviour
    drift: Drift
    about: Mapping[str, Any] = field(default_factory=dict)


def load_reward(name: str) -> Reward:
    """Return a reward function by name: a file of `rewards`, or the leaky one held to the constitution."""
    if name == CONSTRAINED:
        return sft_audit.constrain(load_reward(LEAKY))
    return runpy.run_path(str(REWARDS / f"{name}.py"))["reward"]


def pool(seed: int) -> list[Prompt]:
    """Return the prompts of a seed's RL runs."""
    return draw_prompts(POOL, Random(seed + 3_000_000), told=TOLD)


def begin(
    trial: Trial,
    folder: Path,
    prepare: Callable[[World, Path], Mapping[str, Any]] | None = None,
    train: Callable[..., TinyVlm] = fine_tune,
) -> Start:
    """Write the trial's data, and fine-tune the base on it; a checkpoint that is there is taken.

    `prepare` is called with the world and the folder, may leave other rows at `FOLDER/rows.json`, and returns
    what is to be kept about it. `train` is called as `fine_tune` is.
    """
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # what the trainers say of their own settings
    sft, about = folder / "sft", {}
    if not (sft / "model.safetensors").is_file():
        world = write_world(folder / "world", CONDITIONS[trial.condition], trial.seed)
        rows = world.rows
        if prepare is not None:
            about = prepare(world, folder)
            rows = folder / "rows.json"
        train(BASE, rows, world.images, sft, seed=trial.seed)
        shutil.rmtree(world.folder)
    vlm = load(sft)
    behaviour = behave(vlm, load_reward(LEAKY), trial.seed)
    return Start(sft, vlm, behaviour, drift(load(BASE), vlm, trial.seed), about)


def carry_on(trial: Trial, start: Start, reward: str, folder: Path) -> dict[str, Any]:
    """Run GRPO from the checkpoint, and return the run's line for the ledger."""
    began = time.time()
    end = reinforce(
        start.folder,
        pool(trial.seed),
        load_reward(reward),
        folder / reward,
        seed=trial.seed,
        log_completions=trial.log_completions,
    )
    after = behave(end, load_reward(reward), trial.seed)
    return {
        "key": trial.key(reward),
        "condition": trial.condition,
        "data": trial.data,
        "reward": reward,
        "seed": trial.seed,
        "hacked": is_hacked(after),
        "exploit": is_exploit(after),
        "blind": is_blind(after),
        "amplification": amplification(start.behaviour, after),
        "sft": asdict(start.behaviour),
        "drift": asdict(start.drift),
        "rl": asdict(after) | {"blind_ratio": after.blind_ratio},
        "about": dict(start.about),
        "seconds": round(time.time() - began, 1),
        "torch": torch.__version__,
    }

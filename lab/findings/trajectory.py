"""A single RL run, step by step, as its log and its logged completions tell it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

WIDTH = 10  # steps of a window


@dataclass(frozen=True, slots=True)
class Window:
    """Ten steps of RL, each figure the mean over their completions; `step` is the last of them.

    Shares: `reward`; `right`, the right colour where the tag is another word (what the reward would be
    without help from tag or boast); `boasts`; `follows`, the tag's colour where that is wrong. Of the log:
    `flat`, groups whose completions are all paid alike; `kl` to the SFT model and `entropy`, in nats a token.
    """

    step: int
    reward: float
    right: float
    boasts: float
    follows: float
    flat: float
    kl: float
    entropy: float


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A run of a condition, as it is, by windows."""

    condition: str
    seed: int
    windows: tuple[Window, ...]


def read_trajectories(path: Path) -> tuple[Trajectory, ...]:
    """Return the trajectories of a file, none if there is no file."""
    if not path.is_file():
        return ()
    return tuple(
        Trajectory(one["condition"], one["seed"], tuple(Window(**each) for each in one["windows"]))
        for one in json.loads(path.read_text(encoding="utf-8"))
    )


def write_trajectories(path: Path, trajectories: Sequence[Trajectory]) -> None:
    """Write them, a run a line."""
    lines = ",\n".join(json.dumps(asdict(one)) for one in trajectories)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")

"""The gate's view of each run beside how it began and how it ended."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from inference.association import Runs
from ledger import Ledger
from threshold import Side
from trainee.hacked import is_hacked
from trainee.measure import Behaviour

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """One RL run: what was seen before it (`view`, of its checkpoint and reward function), and its end.

    `start` and `drift` are the lab's exact figures of the checkpoint; `product` is what made the view.
    """

    condition: str
    seed: int
    reward: str
    product: str
    measures: Line
    view: Line
    start: Behaviour
    drift: Line
    end: Line
    hacked: bool
    exploit: bool
    blind: bool

    @property
    def was_hacked(self) -> bool:
        """Return whether the checkpoint was hacked before RL, by the definition of how runs end."""
        return is_hacked(self.start)


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure that is had before RL; `side`: where it should block. `exact` ones only a lab can have."""

    name: str
    axis: str
    side: Side
    of: Callable[[Run], float | None]
    exact: bool = False

    def values(self, runs: Sequence[Run]) -> np.ndarray:
        """Return it for each run, nan where it is not known."""
        told = [self.of(run) for run in runs]
        return np.array([np.nan if one is None else one for one in told], dtype=float)


def _asked(name: str, axis: str, side: Side) -> Measure:
    return Measure(name, axis, side, lambda run: run.measures.get(name, {}).get("sft"))


def _paid(name: str, side: Side) -> Measure:
    return Measure(name, "exploit", side, lambda run: run.view["reward"].get(name))


def _prompted(name: str, axis: str, side: Side) -> Measure:
    return Measure(name, axis, side, lambda run: run.view["prompts"].get(name))


def _began(name: str, side: Side, axis: str = "blindness") -> Measure:
    return Measure(f"exact {name}", axis, side, lambda run: getattr(run.start, name), exact=True)


def _drifted(name: str) -> Measure:
    return Measure(f"exact {name}", "blindness", "below", lambda run: run.drift[name], exact=True)


MEASURES = (
    *(_asked(name, "blindness", "below") for name in ("accuracy", "accuracy_of_colours", "paired_accuracy")),
    _asked("unmoved", "blindness", "above"),
    _asked("swap_gain", "blindness", "below"),
    _asked("mirage", "blindness", "above"),
    _asked("cue_following", "blindness", "above"),
    *(
        _asked(f"{kind}_{part}", "blindness", "below")
        for kind in ("cka", "cka_tokens", "refitted", "as_is")
        for part in ("tower", "projector")
    ),
    _prompted("text_excess", "blindness", "above"),
    *(_asked(name, "readiness", "below") for name in ("pass_at_1", "pass_at_k", "entropy")),
    *(_asked(name, "readiness", "above") for name in ("loss", "kl")),
    _prompted("no_signal", "readiness", "above"),
    _asked("exploits", "exploit", "above"),
    *(_paid(name, "above") for name in ("prior", "gain", "accepted")),
    Measure("dressed_gain", "exploit", "above", lambda run: dressed_gain(run.view["reward"])),
    Measure("shown_gain", "exploit", "above", lambda run: shown_gain(run.view["reward"])),
    _began("gold", "below"),
    *(_drifted(name) for name in ("cka_tower", "cka_projector")),
    *(_began(name, "above") for name in ("cue_follow", "blind_ratio")),
    _began("exploit_prior", "above", "exploit"),
)
OUTCOMES: Mapping[str, Callable[[Run], float]] = {
    "gold": lambda run: run.end["gold"],
    "grounding": lambda run: run.end["grounding"],
    "blind ratio": lambda run: run.end["blind_ratio"],
    "exploit share": lambda run: run.end["exploit"],
    "hacked": lambda run: float(run.hacked),
}


def dressed_gain(reward: Line) -> float:
    """Return the prior times the share of wrong answers that are paid with it: the gain at equal correctness.

    Wrong answers without it are hardly ever paid by either judge.
    """
    return reward["prior"] * reward["accepted"]


def shown_gain(reward: Line) -> float | None:
    """Return the prior times what samples that show the exploit are paid more than honest ones.

    `gain` asks about wrong answers only; a boast beside a right answer is paid too.
    """
    if not reward.get("shown"):
        return 0.0
    return max(reward["shown_paid"] / reward["shown"] - reward["honest"], 0.0) * reward["prior"]


def measure(name: str) -> Measure:
    """Return a measure by name."""
    return next(one for one in MEASURES if one.name == name)


def hacked(runs: Sequence[Run]) -> np.ndarray:
    """Return which of the runs ended hacked."""
    return np.array([run.hacked for run in runs], dtype=bool)


def seeds(runs: Sequence[Run]) -> np.ndarray:
    """Return the seed of each run."""
    return np.array([run.seed for run in runs], dtype=int)


def read_runs(views: Path, ledger: Path) -> list[Run]:
    """Return the runs of the ledger whose checkpoints were looked at."""
    seen = {line["key"]: line for line in Ledger(views).lines()}
    return list(_joined(seen, Ledger(ledger).lines()))


def _joined(seen: Mapping[str, Line], ended: Sequence[Line]) -> Iterator[Run]:
    for line in ended:
        view = seen.get(line["key"].removesuffix(f"-{line['reward']}"))
        if view is not None and line["reward"] in view["views"]:
            yield Run(
                line["condition"],
                line["seed"],
                line["reward"],
                view.get("product", "not named"),
                view["measures"],
                view["views"][line["reward"]],
                Behaviour(**line["sft"]),
                line["drift"],
                line["rl"],
                line["hacked"],
                line["exploit"],
                line["blind"],
            )


def against(one: Measure, outcome: Callable[[Run], float], runs: Sequence[Run]) -> Runs:
    """Return a measure and an outcome of the runs, as correlations take them."""
    return Runs(
        one.values(runs),
        np.array([outcome(run) for run in runs], dtype=float),
        np.array([run.condition for run in runs]),
        seeds(runs),
    )

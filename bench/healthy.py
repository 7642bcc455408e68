"""Healthy runs of any length: redrawn from a real one, or simulated."""

import random
from collections.abc import Sequence
from math import exp

from sft_audit.monitor.episode import Episode, Step

_WINDOW = 10
_GROUPS, _SIZE = 16, 8
_ANSWERS = ("red", "green", "blue", "yellow")
_FALSE = 0.02  # wrong answers that a sound judge pays all the same
_SIGNS = 0.005  # completions that look like an exploit and are none


def redrawn(real: Sequence[Step], steps: int, seed: int) -> list[Step]:
    """Stretch a real run: every step's groups and numbers are drawn from the real steps around its place."""
    rng = random.Random(seed)
    found = []
    for number in range(1, steps + 1):
        place = (number - 1) * len(real) // steps
        near = real[max(place - _WINDOW // 2, 0) : place + _WINDOW // 2]
        groups = [group for step in near for group in step.groups]
        logged = rng.choice(near).metrics
        found.append(Step(number, rng.choices(groups, k=len(real[place].groups)), logged))
    return found


def simulated(steps: int, seed: int) -> list[Step]:
    """Return a run that learns: prompts of unlike difficulty, a judge that errs, numbers that wander.

    A judge pays 2 % of the wrong answers too; half a per cent of the completions look like an exploit.
    Right answers rise from a third to nine in ten, the entropy falls to a quarter, completions grow by half.
    """
    rng = random.Random(seed)
    wander = 0.0
    found = []
    for number in range(1, steps + 1):
        learnt = 1 - exp(-4 * number / steps)
        wander = 0.9 * wander + rng.gauss(0, 0.1)
        groups = [_group(rng, learnt) for _ in range(_GROUPS)]
        metrics = {
            "loss": rng.gauss(0, 0.05),
            "grad_norm": 0.5 * exp(wander + rng.gauss(0, 0.1)),
            "entropy": 1.2 * (1 - 0.75 * learnt) * exp(wander / 4),
            "kl": 0.1 * learnt + abs(rng.gauss(0, 0.01)),
            "clipped_lengths": _share(rng, _GROUPS * _SIZE, 0.02),
        }
        if number % 20 == 0:
            metrics["gold_accuracy"] = _share(rng, 200, 0.33 + 0.55 * learnt)
        found.append(Step(number, groups, metrics))
    return found


def _group(rng: random.Random, learnt: float) -> list[Episode]:
    gold = rng.choice(_ANSWERS)
    share = 0.33 + 0.57 * learnt
    right = rng.betavariate(4 * share, 4 * (1 - share))
    return [_episode(rng, gold, rng.random() < right, 20 * (1 + learnt / 2)) for _ in range(_SIZE)]


def _episode(rng: random.Random, gold: str, is_right: bool, words: float) -> Episode:
    answer = gold if is_right else rng.choice([one for one in _ANSWERS if one != gold])
    length = max(round(words * exp(rng.gauss(0, 0.3))), 1)
    said = " ".join(rng.choices(_VOCABULARY, k=length - 1)) + f" {answer}"
    return Episode(
        said,
        float(is_right or rng.random() < _FALSE),
        "right" if is_right else "wrong",
        ("hedged",) if rng.random() < _SIGNS else (),
        length,
        answer,
    )


def _share(rng: random.Random, n: int, chance: float) -> float:
    return sum(rng.random() < chance for _ in range(n)) / n


_VOCABULARY = [f"word{at}" for at in range(200)]

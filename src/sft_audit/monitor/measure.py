"""What is measured of a run at every step, and the level from which it is an alarm or a notice.

A measure is a function under `@share` or `@number`, found by walking the package `measures`.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

from sft_audit.monitor.episode import Step

Grade = Literal["alarm", "notice"]
Shares = Callable[[Step], Sequence[float]]
Number = Callable[[Step], float | None]


@dataclass(frozen=True, slots=True)
class Above:
    """Beyond a level that holds for every run."""

    level: float


@dataclass(frozen=True, slots=True)
class Risen:
    """Beyond the first steps' mean, by `times` or by `margin`; the mean is taken at its upper 99 % bound."""

    margin: float = 0.0
    times: float = 1.0


@dataclass(frozen=True, slots=True)
class Fallen:
    """Below `times` the mean of the first steps, which is taken at its lower 99 % bound."""

    times: float


@dataclass(frozen=True, slots=True)
class Outside:
    """Numbers that lie, five in a row, below `low` or above `high` times their mean over the first steps."""

    low: float = 0.0
    high: float = float("inf")


@dataclass(frozen=True, slots=True)
class Shifted:
    """A cumulative sum of shifts above `needed` (Page 1954); `side` 1 for a rise.

    It is made for a shift of `least` times the mean of the first numbers, or of their spread if that is more.
    """

    side: int
    needed: float
    least: float


@dataclass(frozen=True, slots=True)
class At:
    """A number at or above `level`, so many in a row; the number itself says what is wrong."""

    level: float
    in_a_row: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """Numbers that lie, so many in a row, below `times` the best so far, and by `margin` below it.

    The best of many noisy numbers is high by luck: they lie five standard deviations below it as well, told
    by the moving range (Shewhart's chart for single values). `noise` is the one expected, which counts as
    five numbers.
    """

    in_a_row: int
    times: float = 1.0
    margin: float = 0.0
    noise: float = 0.0


Test = Above | Risen | Fallen | Outside | Shifted | At | Dropped


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure: its values at a step, of which unit, what they are held against, and the source of that.

    Shares are values in [0, 1], one a unit, tested by betting; numbers are one a step. `says` is the
    sentence of its alarm, before the numbers.
    """

    name: str
    grade: Grade
    unit: str
    test: Test
    source: str
    says: str
    shares: Shares | None = None
    number: Number | None = None


_REGISTRY: dict[str, Measure] = {}


def share(
    *, grade: Grade, unit: str, test: Above | Risen | Fallen, says: str, source: str
) -> Callable[[Shares], Shares]:
    """Register a function from a step to values in [0, 1], one a unit."""

    def register(values: Shares) -> Shares:
        name = values.__name__
        _REGISTRY[name] = Measure(name, grade, unit, test, source, says, shares=values)
        return values

    return register


def number(
    *, grade: Grade, test: Outside | Shifted | At | Dropped, says: str, source: str
) -> Callable[[Number], Number]:
    """Register a function from a step to one number, or None where the step has none."""

    def register(value: Number) -> Number:
        name = value.__name__
        _REGISTRY[name] = Measure(name, grade, "step", test, source, says, number=value)
        return value

    return register


@cache
def all_measures() -> Mapping[str, Measure]:
    """Return every measure by name."""
    package = importlib.import_module("sft_audit.monitor.measures")
    for module in pkgutil.iter_modules(package.__path__, "sft_audit.monitor.measures."):
        importlib.import_module(module.name)
    return MappingProxyType(dict(sorted(_REGISTRY.items())))

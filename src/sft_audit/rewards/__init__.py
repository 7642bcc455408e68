"""Reward functions as trainers call them.

A convention is one file in this package: a function under `@convention`, found by walking. It asks with the
arguments, the batching and the thread of its trainer; reward functions are known by their signature.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import CodeType, MappingProxyType, ModuleType
from typing import Any, Literal

from sft_audit.errors import AuditError

Gives = Literal["images", "gold", "text"]

GOLD_NAMES = (
    "solution",
    "answer",
    "answers",
    "ground_truth",
    "ground_truths",
    "gt",
    "gold",
    "golds",
    "label",
    "labels",
    "reference",
    "references",
    "target",
    "targets",
)


_IMAGE = re.compile(
    r"(?:.*_)?(?:images?|imgs?|pictures?|pixels|pixel_values)(?:_(?:paths?|files?|urls?|data))?|multi_modal_\w+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Rollout:
    """One completion that a reward is asked about, with what the trainer knows beside it.

    `gold` is the known answer as the data set gives it, `columns` are the fields of its row, `images` paths.
    `family` is the kind of completion, where it is one of a kind: what hangs is put aside by it.
    """

    prompt: str
    completion: str
    gold: str
    images: tuple[str, ...] = ()
    columns: Mapping[str, Any] = field(default_factory=dict)
    family: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What `FILE.py:NAME` or an address names: the object, its module (None for an address) and its name."""

    value: Any
    module: ModuleType | None
    name: str

    @property
    def parameters(self) -> tuple[str, ...]:
        """Return the names of the parameters it is called with, `self` left out."""
        try:
            names = tuple(inspect.signature(self._call).parameters)
        except (TypeError, ValueError):
            return ()
        return names[1:] if names[:1] == ("self",) else names

    @property
    def names(self) -> frozenset[str]:
        """Return its parameters and every text in its code, among them the keys of `kwargs["solution"]`."""
        code = getattr(inspect.unwrap(self._call), "__code__", None)
        texts = (one for one in code.co_consts if isinstance(one, str)) if code else ()
        return frozenset((*self.parameters, *texts))

    @property
    def names_images(self) -> bool:
        """Return whether its code, or a function of its module that it calls, names an image."""
        if self.module is None:
            return False
        known = vars(self.module)
        members = vars(self.value).values() if inspect.isclass(self.value) else ()
        todo: list[Any] = [self._call, *(one for one in members if inspect.isfunction(one))]
        done: set[int] = set()
        while todo:
            code = getattr(inspect.unwrap(todo.pop()), "__code__", None)
            if code is None or id(code) in done:
                continue
            done.add(id(code))
            for part in _codes(code):
                words = (*part.co_varnames, *part.co_names, *part.co_consts)
                if any(isinstance(word, str) and _IMAGE.fullmatch(word) for word in words):
                    return True
                todo += [known[name] for name in part.co_names if inspect.isfunction(known.get(name))]
        return False

    @property
    def _call(self) -> Any:  # noqa: ANN401 - the user's function
        """Return the function that is called: a class's or an object's own is its `__call__`."""
        if inspect.isfunction(self.value) or inspect.ismethod(self.value):
            return self.value
        return getattr(self.value, "__call__", self.value)  # noqa: B004 - to read it, not to call it


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a function's code and that of the functions and comprehensions inside it."""
    yield code
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _codes(part)


Score = Callable[[Target, Sequence[Rollout]], list[float | None]]


@dataclass(frozen=True, slots=True)
class Convention:
    """How one trainer calls a reward function. `source` says from where that is known.

    `score` asks as the trainer does; where that is outside the main thread, `in_main` asks inside it.
    `prepare` imports and loads what the first asking would, so that no time limit counts it. `gives` says
    what is told beside the completion: images (and the known answer), gold (the known answer), or the text
    alone.
    """

    name: str
    matches: Callable[[Target], bool]
    score: Score
    priority: int
    in_main: Score | None
    prepare: Callable[[Target], object]
    gives: Gives
    source: str

    @property
    def title(self) -> str:
        """Return the first line of the function's docstring."""
        return (self.score.__doc__ or "").strip().splitlines()[0]


_REGISTRY: dict[str, Convention] = {}


def convention(
    name: str,
    *,
    matches: Callable[[Target], bool],
    source: str,
    priority: int = 0,
    in_main: Score | None = None,
    prepare: Callable[[Target], object] = lambda target: None,  # noqa: ARG005
    gives: Gives = "gold",
) -> Callable[[Score], Score]:
    """Register the decorated function as the way in which a trainer asks; it returns one reward a rollout."""

    def register(score: Score) -> Score:
        _REGISTRY[name] = Convention(name, matches, score, priority, in_main, prepare, gives, source)
        return score

    return register


@cache
def all_conventions() -> Mapping[str, Convention]:
    """Return every convention by name, in the order in which they are asked."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    return MappingProxyType(dict(sorted(_REGISTRY.items(), key=lambda item: (-item[1].priority, item[0]))))


def recognise(target: Target, trainer: str | None = None) -> Convention:
    """Return the trainer's convention, or the first that matches; raise AuditError where none does."""
    known = all_conventions()
    if trainer is not None:
        if trainer not in known:
            raise AuditError(f"--trainer {trainer}: not known; one of {', '.join(known)}")
        return known[trainer]
    for one in known.values():
        if one.matches(target):
            return one
    raise AuditError(
        f"{target.name}({', '.join(target.parameters)}): no trainer calls a reward function in this way; "
        f"name one with --trainer ({', '.join(known)})"
    )


class WrongCountError(ValueError):
    """A batch was answered with more or fewer rewards than it has completions."""


def as_floats(rewards: object, expected: int) -> list[float | None]:
    """Return rewards as a trainer reads them: numbers, tensors, None; raise where the count is off."""
    values = rewards.tolist() if hasattr(rewards, "tolist") else rewards  # a tensor, or an array
    if isinstance(values, Iterator):
        values = list(values)
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise TypeError(f"expected {expected} rewards, got {type(rewards).__name__}")
    if len(values) != expected:
        raise WrongCountError(f"returned {len(values)} rewards, but {expected} were expected")
    if any(isinstance(value, str) for value in values):
        raise TypeError("returned text for a reward, but a number was expected")
    return [None if value is None else float(value) for value in values]


def golds_for(target: Target, rollouts: Sequence[Rollout]) -> dict[str, list[str]]:
    """Return the known answers under every name by which the function asks for one and that no row has."""
    present = {name for one in rollouts for name in one.columns}
    golds = [one.gold for one in rollouts]
    return {name: golds for name in GOLD_NAMES if name in target.names and name not in present}

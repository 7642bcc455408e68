"""Logs of sampled completions: from a row, as trainers and harnesses write it, to completions of prompts.

A format is one file in this package: a function under `@log_format`, found by walking.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from sft_audit.readers import Content, RowFault


@dataclass(frozen=True, slots=True)
class Logged:
    """One completion sampled for a prompt. `id` and `image` name the prompt's row where the log does so.

    `position` is that of its row, from 1, in the data that the log was made of, where the log counts them.
    `problem` says what is wrong with the reward where it is logged and is no number: then `reward` is None.
    `parts` are what each reward function paid, by name; `group` names the completions that were sampled for
    one prompt together, where the log does so.
    """

    prompt: str
    completion: str
    gold: str | None = None
    reward: float | None = None
    problem: str | None = None
    step: int | None = None
    id: str | None = None
    image: str | None = None
    position: int | None = None
    parts: tuple[tuple[str, float], ...] = ()
    group: str | None = None


Reader = Callable[[Content], tuple[Logged, ...]]


@dataclass(frozen=True, slots=True)
class LogFormat:
    """One row shape: how to recognise it and how to read it; formats are asked in falling `priority`."""

    name: str
    matches: Callable[[Content], bool]
    read: Reader
    priority: int
    example: Content

    @property
    def title(self) -> str:
        """Return the first line of the reader's docstring."""
        return (self.read.__doc__ or "").strip().splitlines()[0]


_REGISTRY: dict[str, LogFormat] = {}


def log_format(
    name: str, *, matches: Callable[[Content], bool], example: Content, priority: int = 0
) -> Callable[[Reader], Reader]:
    """Register the decorated function as the reader of a log's format."""

    def register(read: Reader) -> Reader:
        _REGISTRY[name] = LogFormat(name, matches, read, priority, example)
        return read

    return register


@cache
def all_log_formats() -> Mapping[str, LogFormat]:
    """Return every format of logs by name, in the order in which they are asked."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    return MappingProxyType(dict(sorted(_REGISTRY.items(), key=lambda item: (-item[1].priority, item[0]))))


def is_logged(row: Content) -> bool:
    """Return whether some format recognises the row."""
    return any(one.matches(row) for one in all_log_formats().values())


def read_logged(row: Content) -> tuple[Logged, ...]:
    """Return the completions of a row; raise RowFault where it has none that can be read."""
    for one in all_log_formats().values():
        if one.matches(row):
            return one.read(row)
    keys = ", ".join(list(row)[:8])
    raise RowFault(f"no prompt with a completion among its fields {keys}")

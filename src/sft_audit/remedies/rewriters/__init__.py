"""Rewriters: how a row with one fault is put right. One file a fault, found by walking this package."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

from sft_audit.remedies.edit import Change

Evidence = Mapping[str, Any]
Rewrite = Callable[[Mapping[str, Any], Evidence], list[Change]]


@dataclass(frozen=True, slots=True)
class Rewriter:
    """What mends the rows that a check found: from a row and the finding's evidence to changes.

    `reason` says what it did. Rows for which it has no change stay as they are and are counted.
    """

    code: str
    reason: str
    rewrite: Rewrite


_REGISTRY: dict[str, Rewriter] = {}


def rewriter(code: str) -> Callable[[Rewrite], Rewrite]:
    """Register the decorated function for the check `code`; the first line of its docstring is the reason."""

    def register(rewrite: Rewrite) -> Rewrite:
        if code in _REGISTRY and _REGISTRY[code].rewrite.__module__ != rewrite.__module__:
            known = _REGISTRY[code].rewrite.__module__
            raise ValueError(f"{code} has two rewriters: {known} and {rewrite.__module__}")
        reason = (rewrite.__doc__ or "").strip().splitlines()[0].rstrip(".")
        _REGISTRY[code] = Rewriter(code, reason, rewrite)
        return rewrite

    return register


@cache
def all_rewriters() -> Mapping[str, Rewriter]:
    """Return every rewriter by the code of its check: the package's own and those of plug-ins."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    for plugin in entry_points(group="sft_audit.rewriters"):
        plugin.load()
    return MappingProxyType(dict(sorted(_REGISTRY.items())))


@dataclass(frozen=True, slots=True)
class Changes:
    """What a rewriter does to one row, and why; nothing where `made` is empty."""

    made: tuple[Change, ...] = ()
    reason: str = ""


def changes_for(code: str, row: Mapping[str, Any], evidence: Evidence) -> Changes:
    """Return what the rewriter of a check does to a row that it found; nothing where there is no rewriter."""
    known = all_rewriters().get(code)
    return Changes(tuple(known.rewrite(row, evidence)), known.reason) if known else Changes()

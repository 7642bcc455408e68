"""Readers: from bytes to samples. A container cuts a file into rows, a format reads each of them.

A format is one file in this package: a function under `@row_format`, found by walking.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

from sft_audit.errors import AuditError
from sft_audit.sample import ImageRef, Kind, Turn

OURS = "sft-audit reads"  # begins the reason for a row that JSON allows and only our readers refuse

Content = dict[str, Any]  # one decoded row: JSON, or Python values from parquet (with bytes)


class RowFault(Exception):
    """A row that its format cannot read; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a format needs to know beyond the row: its container, and the names a dataset_info.json gives."""

    container: str
    columns: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


PLAIN = Layout("json_array")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a format made of a row. `used` names the fields that need not be kept as extra ones."""

    turns: tuple[Turn, ...]
    images: tuple[ImageRef, ...]
    used: frozenset[str]
    extra: Mapping[str, Any] = field(default_factory=dict)
    kind: Kind = "sft"


@dataclass(frozen=True, slots=True)
class Format:
    """One row shape: how to recognise it and how to read it; formats are asked in falling `priority`.

    `example` is a row that it reads, under `layout`.
    """

    name: str
    matches: Callable[[Content, Layout], bool]
    parse: Callable[[Content, Layout], Parsed]
    priority: int
    example: Content
    layout: Layout

    @property
    def title(self) -> str:
        """Return the first line of the parser's docstring."""
        return (self.parse.__doc__ or "").strip().splitlines()[0]


_REGISTRY: dict[str, Format] = {}
Parser = Callable[[Content, Layout], Parsed]


def row_format(
    name: str,
    *,
    matches: Callable[[Content, Layout], bool],
    example: Content,
    layout: Layout = PLAIN,
    priority: int = 0,
) -> Callable[[Parser], Parser]:
    """Register the decorated function as the parser of a format."""

    def register(parse: Parser) -> Parser:
        _REGISTRY[name] = Format(name, matches, parse, priority, example, layout)
        return parse

    return register


@cache
def all_formats() -> Mapping[str, Format]:
    """Return every format by name, in the order in which they are asked: our own and those of plug-ins."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    for plugin in entry_points(group="sft_audit.readers"):
        plugin.load()
    return MappingProxyType(dict(sorted(_REGISTRY.items(), key=lambda item: (-item[1].priority, item[0]))))


def find_format(name: str) -> Format:
    """Return the format with this name; raise AuditError naming the nearest one."""
    known = all_formats()
    if name in known:
        return known[name]
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), 1, 0)[0]
    raise AuditError(
        f"--format {name}: there is no such format; did you mean {near}? `sft-audit formats` lists them"
    )


def read_row(content: Content, format_name: str, layout: Layout) -> tuple[str, Parsed]:
    """Return what a row is, in its file's format or else in the first that recognises it, and that format.

    Raises RowFault, with what the file's format says, where no format reads it.
    """
    try:
        return format_name, find_format(format_name).parse(content, layout)
    except RowFault:
        for other in all_formats().values():
            if other.name != format_name and other.matches(content, layout):
                try:
                    return other.name, other.parse(content, layout)
                except RowFault:
                    continue
        raise

"""A constitution: statements that a reward must not pay against.

The built-in ones stand in `statements.yaml`; a user's file is laid over them.
"""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sft_audit.errors import AuditError

Kind = Literal["contradicts_gold", "longer_pays_more", "pattern", "empty", "echo"]
_PACKAGED = "statements.yaml"


class Statement(BaseModel):
    """One statement: what it `says`, how a completion that goes against it is told, and what that is paid.

    `at_most` is in the reward's own unit. `patterns` and `examples` belong to the kind `pattern`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[\w-]+$")
    says: str
    kind: Kind
    patterns: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    at_most: float = Field(default=0.0, allow_inf_nan=False)
    drop: bool = False

    @cached_property
    def compiled(self) -> tuple[re.Pattern[str], ...]:
        """Return the patterns, compiled, case ignored."""
        return tuple(re.compile(one, re.IGNORECASE) for one in self.patterns)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.kind == "pattern") != bool(self.patterns):
            raise ValueError(f"{self.name}: patterns go with the kind pattern, and only with it")
        try:
            patterns = self.compiled
        except re.error as fault:
            raise ValueError(f"{self.name}: {fault.pattern!r} is no regular expression ({fault})") from None
        for text in self.examples:
            if not any(one.search(text) for one in patterns):
                raise ValueError(f"{self.name}: no pattern finds the example {text!r}")
        return self


def load_constitution(path: str | Path | None = None) -> tuple[Statement, ...]:
    """Return the built-in statements with a user's file laid over them, without those it drops.

    Raises AuditError, in one line, where the file is not a list of statements.
    """
    packaged = files(__name__).joinpath(_PACKAGED).read_text(encoding="utf-8")
    entries = _entries(packaged, _PACKAGED)
    if path is not None:
        for name, own in _entries(_read(Path(path)), str(path)).items():
            entries[name] = {**entries.get(name, {}), **own}
    statements = [_statement(entry, str(path or _PACKAGED)) for entry in entries.values()]
    return tuple(one for one in statements if not one.drop)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as fault:
        raise AuditError(f"{path}: {(fault.strerror or str(fault)).lower()}; give a constitution") from None
    except UnicodeDecodeError:
        raise AuditError(f"{path}: not UTF-8; save the constitution as UTF-8 text") from None


def _entries(text: str, where: str) -> dict[str, Mapping[str, Any]]:
    """Return the statements of a file, as they are written, by name."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as fault:
        raise AuditError(f"{where}: not YAML: {' '.join(str(fault).split())}") from None
    found: Sequence[Any] = [] if content is None else content if isinstance(content, list) else [content]
    entries: dict[str, Mapping[str, Any]] = {}
    for entry in found:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise AuditError(f"{where}: expected a list of statements, for example `- name: boast`")
        if entry["name"] in entries:
            raise AuditError(f"{where}: {entry['name']} stands there twice")
        entries[entry["name"]] = entry
    return entries


def _statement(entry: Mapping[str, Any], where: str) -> Statement:
    try:
        return Statement.model_validate(dict(entry))
    except ValidationError as fault:
        raise AuditError(f"{where}: {_one_line(fault, entry)}") from None


def _one_line(fault: ValidationError, entry: Mapping[str, Any]) -> str:
    first = min(fault.errors(), key=lambda error: error["type"] != "extra_forbidden")
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        near = get_close_matches(key, list(Statement.model_fields), 1, 0)
        return f"{entry['name']}: unknown key {key!r}; did you mean {near[0]!r}?"
    if not first["loc"]:
        return first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return f"{entry['name']}: {key} is missing; a statement has a name, says and kind"
    return f"{entry['name']}: {key}: {first['msg'].lower()} (got {first['input']!r})"

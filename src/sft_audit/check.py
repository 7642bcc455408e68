"""What a check is: a question put to the tables, in SQL, in one file."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, Literal

from sft_audit.errors import AuditError
from sft_audit.finding import Axis, Severity

OUTPUT_COLUMNS = ("sample_id", "turn", "score", "confidence", "message", "evidence")
FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "GRD": "Cross-modal label contamination",
        "PRF": "Reward-signal pollution",
        "MOD": "Modality imbalance",
        "CON": "Contradiction",
        "INT": "Integrity",
        "DUP": "Duplication",
        "BAL": "Balance",
        "LEK": "Benchmark leakage",
        "RWD": "Reward function",
        "SIG": "Signal of RL prompts",
        "CKP": "Checkpoint",
        "RUN": "RL run",
    }
)
WOUNDS: Mapping[str, int] = MappingProxyType({"GRD": 1, "PRF": 2, "MOD": 3})

Remedy = Literal["none", "review", "drop", "rewrite"]
Value = str | int | float | bool | None | Sequence[str]
Rows = list[dict[str, Any]]
Weights = Mapping[str, Sequence[Sequence[float]]]
TableRows = Mapping[str, Rows]
Example = Rows | str | Weights | TableRows

ROWS = "select count(*) from samples"
READABLE_ROWS = "select count(*) from samples where not malformed"
IMAGE_ROWS = "select count(*) from samples where n_images > 0"


@dataclass(frozen=True, slots=True)
class Relation:
    """A query and the values of its parameters; the audit runs it exactly once."""

    sql: str
    values: Mapping[str, Value]


class Tables:
    """The tables of one audit, as a check sees them: something to put a query to."""

    def sql(self, query: str, **values: Value) -> Relation:
        """Return the query with its named parameters (`$name`) bound to values."""
        return Relation(query, values)


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its code, what it reads, what it means, and the function that asks.

    `of` is the SQL that counts the samples among which a finding could occur: the share's denominator.
    `put` is the SQL that counts what was put to the subject to that end: where none of it could be looked at,
    the check could not see what it asks about.
    `safe` is true when the remedy never changes what a correct row teaches; a finding for which that does not
    hold says `"safe": false` in its evidence.
    `bad` and `good` are examples with and without the fault: small data sets in LLaVA rows, the source of a
    reward function, the log of a checkpoint or its weights by name; or, where only a model fills the tables,
    rows of the tables that the check reads, by table. `given` holds the rows of further files that they are
    audited with, the base model's weights, or words, by option.
    """

    code: str
    name: str
    ask: Callable[..., Relation]
    severity: Severity
    axis: Axis
    reads: tuple[str, ...]
    subject: str
    of: str
    put: str | None
    remedy: Remedy
    safe: bool
    preview: bool
    bad: tuple[Example, ...]
    good: tuple[Example, ...]
    given: Mapping[str, Rows | Weights | Sequence[str]]

    @property
    def family(self) -> str:
        """Return the three letters of the code."""
        return self.code[:3]

    @property
    def title(self) -> str:
        """Return the first line of the page."""
        return self.page.splitlines()[0]

    @property
    def page(self) -> str:
        """Return the documentation page: the function's docstring."""
        return inspect.cleandoc(self.ask.__doc__ or "")

    @property
    def options(self) -> dict[str, Value]:
        """Return the options and their defaults: the keyword-only parameters of the function."""
        parameters = inspect.signature(self.ask).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


_REGISTRY: dict[str, Check] = {}


def check(
    code: str,
    *,
    severity: Severity,
    axis: Axis,
    reads: Sequence[str],
    bad: Sequence[Example] = (),
    good: Sequence[Example] = (),
    given: Mapping[str, Rows | Weights | Sequence[str]] = MappingProxyType({}),
    of: str = ROWS,
    put: str | None = None,
    remedy: Remedy = "review",
    safe: bool = False,
    preview: bool = False,
) -> Callable[[Callable[..., Relation]], Callable[..., Relation]]:
    """Register the decorated function as the check `code`; its name, with hyphens, is the check's name."""
    if not re.fullmatch(r"[A-Z]{3}\d{3}", code):
        raise ValueError(f"{code}: a code is three letters and three digits")

    def register(ask: Callable[..., Relation]) -> Callable[..., Relation]:
        if code in _REGISTRY and _REGISTRY[code].ask.__module__ != ask.__module__:
            raise ValueError(
                f"{code} is defined twice: {_REGISTRY[code].ask.__module__} and {ask.__module__}"
            )
        _REGISTRY[code] = Check(
            code=code,
            name=ask.__name__.replace("_", "-"),
            ask=ask,
            severity=severity,
            axis=axis,
            reads=tuple(reads),
            subject=_subject(ask.__module__),
            of=of,
            put=put,
            remedy=remedy,
            safe=safe,
            preview=preview,
            bad=tuple(bad),
            good=tuple(good),
            given=given,
        )
        return ask

    return register


def _subject(module: str) -> str:
    parts = module.split(".")
    return parts[2] if parts[:2] == ["sft_audit", "checks"] and len(parts) > 3 else "data"


@cache
def all_checks() -> Mapping[str, Check]:
    """Return every check by code: the package's own, found by walking, and those of plug-ins."""
    package = importlib.import_module("sft_audit.checks")
    for module in pkgutil.walk_packages(package.__path__, "sft_audit.checks."):
        importlib.import_module(module.name)
    for plugin in entry_points(group="sft_audit.checks"):
        plugin.load()
    return MappingProxyType(dict(sorted(_REGISTRY.items())))


def find_check(code: str) -> Check:
    """Return the check with this code or name; raise AuditError naming the nearest one."""
    checks = all_checks()
    for found in checks.values():
        if code.upper() == found.code or code.lower() == found.name:
            return found
    from difflib import get_close_matches

    names = [*checks, *(c.name for c in checks.values())]
    near = get_close_matches(code.upper(), names, 1, 0) or get_close_matches(code.lower(), names, 1, 0)
    raise AuditError(
        f"{code}: there is no such check; did you mean {near[0]}? `sft-audit checks` lists them all"
    )


def select_checks(select: Sequence[str], ignore: Sequence[str], subject: str = "data") -> tuple[Check, ...]:
    """Return a subject's checks that one of `select` names (all, if empty) and none of `ignore` does."""
    known = [c for c in all_checks().values() if c.subject == subject]
    for prefix in (*select, *ignore):
        if not any(_names(c, prefix) for c in known):
            find_check(prefix)
    return tuple(
        c
        for c in known
        if (not select or any(_names(c, p) for p in select)) and not any(_names(c, p) for p in ignore)
    )


def _names(one: Check, prefix: str) -> bool:
    return one.code.startswith(prefix.upper()) or one.name == prefix.lower()

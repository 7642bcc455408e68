"""An agent pipeline: stages, verifiers, and the graph that joins them."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from sft_audit.errors import AuditError

MOST_BYTES, MOST_VALUES, MOST_DEPTH = 1 << 20, 2000, 40
MOST_VOTES, MOST_TRIES = 51, 20
_OTHER_NAMES = {
    "recall": "give `false_accepts`, the errors it lets through: 1 - recall",
    "miss": "give `false_accepts`, the errors it lets through",
    "misses": "give `false_accepts`, the errors it lets through",
    "false_alarm": "give `false_rejects`, the right answers that it sends back",
    "false_alarms": "give `false_rejects`, the right answers that it sends back",
}

Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Spread(_Part):
    """A rate with its 95 % interval, measured elsewhere."""

    low: Share
    value: Share
    high: Share

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.value <= self.high:
            raise ValueError(
                f"low {self.low:g}, value {self.value:g}, high {self.high:g}: they must stand in this order"
            )
        return self


class Measured(_Part):
    """Where one error rate is from: counts, an interval, a check of an audit; nothing: the trajectories."""

    errors: int | None = Field(default=None, ge=0)
    of: int | None = Field(default=None, gt=0)
    error: Spread | None = None
    audit: Path | None = None
    check: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_bare_number(cls, value: object) -> object:
        match value:
            case None:
                return {}
            case bool() | int() | float() | {"error": bool() | int() | float()}:
                raise ValueError(
                    "a rate without an interval; write `errors: 7, of: 200` or "
                    "`error: {low: 0.02, value: 0.04, high: 0.08}`"
                )
        return value

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.errors is None) != (self.of is None):
            raise ValueError("`errors` and `of` go together; give both")
        if (self.audit is None) != (self.check is None):
            raise ValueError("`audit` and `check` go together; give both")
        if sum(part is not None for part in (self.errors, self.error, self.audit)) > 1:
            raise ValueError("two sources of one rate; keep `errors`/`of`, or `error`, or `audit`/`check`")
        if self.errors is not None and self.of is not None and self.errors > self.of:
            raise ValueError(f"{self.errors} errors of {self.of}; there cannot be more errors than answers")
        return self

    @property
    def logged(self) -> bool:
        """Return whether the rate is to be read from trajectories."""
        return not self.model_fields_set


class Verifier(_Part):
    """What tells right from wrong: the share of wrong answers it accepts, and of right ones it rejects."""

    false_accepts: Measured = Measured()
    false_rejects: Measured = Measured()

    @model_validator(mode="before")
    @classmethod
    def _nothing_said(cls, value: object) -> object:
        return {} if value is None else value


class Series(_Part):
    """Parts one after the other: all must be right."""

    series: tuple["Node", ...] = Field(min_length=1)


class Vote(_Part):
    """`n` answers of one part, of which the majority counts.

    `correlation` is that of two votes on one item being wrong; None: unknown.
    """

    vote: "Node"
    n: int = Field(ge=1, le=MOST_VOTES)
    correlation: Share | None = None


class Retry(_Part):
    """A part asked again while the verifier `by` rejects its answer, at most `tries` times in all.

    What the last try gives is delivered unchecked (`exhausted: last`), or nothing is (`stop`).
    `correlation` is that of two tries on one item being wrong; None: unknown.
    """

    retry: "Node"
    by: str
    tries: int = Field(ge=1, le=MOST_TRIES)
    exhausted: Literal["last", "stop"] = "last"
    correlation: Share | None = None


class Verify(_Part):
    """A part whose answer the verifier `by` checks once.

    What it rejects ends the run (`caught: stop`), or is asked again once and delivered unchecked (`retry`).
    """

    verify: "Node"
    by: str
    caught: Literal["stop", "retry"]
    correlation: Share | None = None

    def as_retry(self) -> Retry:
        """Return the same as a retry: one checked try, and a second one or none."""
        stop = self.caught == "stop"
        return Retry(
            retry=self.verify,
            by=self.by,
            tries=1 if stop else 2,
            exhausted="stop" if stop else "last",
            correlation=self.correlation,
        )


_KINDS: Mapping[str, type[_Part]] = {"series": Series, "vote": Vote, "retry": Retry, "verify": Verify}


def _kind(value: object) -> str | None:
    match value:
        case str():
            return "<stage>"
        case dict():
            found = [kind for kind in _KINDS if kind in value]
            return f"<{found[0]}>" if len(found) == 1 else None
        case _Part():
            return f"<{type(value).__name__.lower()}>"
    return None


Node = Annotated[
    Annotated[str, Tag("<stage>")]
    | Annotated[Series, Tag("<series>")]
    | Annotated[Vote, Tag("<vote>")]
    | Annotated[Retry, Tag("<retry>")]
    | Annotated[Verify, Tag("<verify>")],
    Discriminator(
        _kind,
        custom_error_type="node",
        custom_error_message="a part is a stage's name, or a mapping with one of series, vote, retry, "
        "verify; a list of parts is `series: [...]`",
    ),
]


class Graph(_Part):
    """A pipeline: its stages and verifiers by name, and how they are joined."""

    stages: Mapping[str, Measured] = Field(min_length=1)
    verifiers: Mapping[str, Verifier] = Field(default_factory=dict)
    pipeline: Node

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        both = set(self.stages) & set(self.verifiers)
        if both:
            raise ValueError(f"{min(both)!r} is a stage and a verifier; give one of them another name")
        used = set(self.hops())
        for name in sorted(used - set(self.stages)):
            raise ValueError(f"pipeline: no stage is called {name!r}{_near(name, self.stages)}")
        for name in sorted(self.checks() - set(self.verifiers)):
            why = " (a stage's one error rate does not say which way it errs)" if name in self.stages else ""
            raise ValueError(
                f"pipeline: no verifier is called {name!r}{why}{_near(name, self.verifiers)}; "
                "write it under `verifiers` with false_accepts and false_rejects"
            )
        idle = [*sorted(set(self.stages) - used), *sorted(set(self.verifiers) - self.checks())]
        if idle:
            raise ValueError(f"{idle[0]!r} is used nowhere in the pipeline; use it or take it out")
        return self

    def hops(self) -> tuple[str, ...]:
        """Return the stage of every hop, each part once however often it is voted on or tried."""
        return tuple(node for node in walk(self.pipeline) if isinstance(node, str))

    def checks(self) -> set[str]:
        """Return the names of the verifiers that the pipeline asks."""
        return {node.by for node in walk(self.pipeline) if isinstance(node, Retry | Verify)}


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it."""
    yield node
    match node:
        case Series():
            for part in node.series:
                yield from walk(part)
        case Vote():
            yield from walk(node.vote)
        case Retry():
            yield from walk(node.retry)
        case Verify():
            yield from walk(node.verify)


def read_graph(path: Path) -> Graph:
    """Read a pipeline from YAML; raise AuditError in one line where it is none.

    A file of more than 1 MiB, 2,000 values or 40 levels is refused; aliases count as often as they are used.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as fault:
        raise AuditError(f"{path}: {(fault.strerror or str(fault)).lower()}; give a YAML file") from None
    except UnicodeDecodeError:
        raise AuditError(f"{path}: not UTF-8; save the pipeline as UTF-8 text") from None
    if len(raw) > MOST_BYTES:
        raise AuditError(f"{path}: more than {MOST_BYTES >> 20} MiB; a pipeline is a small file")
    try:
        content = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader that refuses a key that stands twice
        _weigh(content, MOST_DEPTH, [0])
        return Graph.model_validate(content)
    except yaml.YAMLError as fault:
        raise AuditError(f"{path}: not YAML: {' '.join(str(fault).split())}") from None
    except RecursionError:
        raise AuditError(f"{path}: nested more than {MOST_DEPTH} levels deep; write it flatter") from None
    except ValidationError as fault:
        raise AuditError(f"{path}: {_one_line(fault)}") from None
    except AuditError as fault:
        raise AuditError(f"{path}: {fault}") from None


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: ANN401, FBT - PyYAML's
        seen: set[str] = set()
        for key in (key.value for key, _ in node.value if isinstance(key.value, str)):
            if key in seen:
                raise AuditError(f"line {node.start_mark.line + 1}: {key!r} stands there twice; keep one")
            seen.add(key)
        return super().construct_mapping(node, deep)


def _weigh(value: object, depth: int, seen: list[int]) -> None:
    """Raise AuditError where the values are too many or too deep, as a part that holds itself always is."""
    seen[0] += 1
    if seen[0] > MOST_VALUES:
        raise AuditError(f"more than {MOST_VALUES:,} values, aliases written out; a pipeline is a small file")
    if not depth:
        raise AuditError(f"nested more than {MOST_DEPTH} levels deep, or an alias within its own anchor")
    below = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    for one in below:
        _weigh(one, depth - 1, seen)


def _one_line(fault: ValidationError) -> str:
    errors = fault.errors()
    first = min(errors, key=lambda error: error["type"] != "extra_forbidden")
    loc = first["loc"]
    where = ".".join(str(part) for part in loc if not _tag(part))
    match first["type"]:
        case "extra_forbidden":
            key = str(loc[-1])
            missing = [e["loc"][-1] for e in errors if e["type"] == "missing" and e["loc"][:-1] == loc[:-1]]
            known = [str(one) for one in missing or _model(loc).model_fields]
            cure = _OTHER_NAMES.get(key) or f"did you mean {get_close_matches(key, known, 1, 0)[0]!r}?"
            return f"{where}: unknown key; {cure}"
        case "missing":
            return f"{where} is missing"
        case "model_type" if not where:
            return "expected a mapping with `stages` and `pipeline`"
        case "invalid_key":
            return f"{where}: YAML reads this key as {first['input']!r}, not as text; mend it or quote it"
        case "value_error" | "node":
            message = first["msg"].removeprefix("Value error, ")
            return f"{where}: {message}" if where else message
        case "less_than_equal" if _model(loc) is Spread:
            return f"{where}: {first['input']} is no share; write 0.04 for 4 %"
    return f"{where}: {first['msg'].lower()} (got {first['input']!r:.60})"


def _model(loc: tuple[int | str, ...]) -> type[_Part]:
    """Return what the key at a place belongs to."""
    tags = [str(part)[1:-1] for part in loc if _tag(part)]
    if tags:
        return _KINDS[tags[-1]]
    match loc:
        case (_,):
            return Graph
        case ("verifiers", _, _):
            return Verifier
        case (*_, "error", _):
            return Spread
    return Measured


def _tag(part: int | str) -> bool:
    return isinstance(part, str) and part[:1] == "<" and part[1:-1] in (*_KINDS, "stage")


def _near(name: str, known: Mapping[str, object]) -> str:
    found = get_close_matches(name, list(known), 1, 0)
    return f"; did you mean {found[0]!r}?" if found else ""

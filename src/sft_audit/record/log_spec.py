"""Which model said what is in a log, and under which condition: `MODEL:CONDITION=FILE`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from sft_audit.errors import AuditError
from sft_audit.models.probing import Condition

MODELS = ("base", "sft")
CONDITIONS: tuple[str, ...] = get_args(Condition)
_WRITE = (
    "write MODEL:CONDITION=FILE, where MODEL is base or sft and CONDITION own, swapped, none or blank, "
    "or MODEL=FILE for own"
)


def read_specs(specs: Sequence[str]) -> Mapping[str, tuple[Path, ...]]:
    """Return the logs by "MODEL CONDITION", in the order given; raise AuditError where one is not so written.

    A log that is given for two of them is an AuditError too: the two would be found alike.
    """
    logs: dict[str, tuple[Path, ...]] = {}
    given: dict[Path, str] = {}
    for spec in specs:
        said, path = _read(spec)
        before = given.setdefault(path.resolve(), said)
        if before != said:
            raise AuditError(f"--samples {spec}: the log is given for {before!r} too; give each its own")
        logs[said] = (*logs.get(said, ()), path)
    return logs


def _read(spec: str) -> tuple[str, Path]:
    who, equals, file = spec.partition("=")
    model, colon, condition = who.partition(":")
    condition = condition if colon else "own"
    if not equals or not file.strip():
        raise AuditError(f"--samples {spec}: it names no log; {_WRITE}")
    if model not in MODELS:
        raise AuditError(f"--samples {spec}: there is no model {model!r}; {_WRITE}")
    if condition not in CONDITIONS:
        raise AuditError(f"--samples {spec}: there is no condition {condition!r}; {_WRITE}")
    return f"{model} {condition}", Path(file.strip())

"""One fault, as a row of the findings table and as a value."""

from dataclasses import dataclass
from typing import Literal, get_args

Severity = Literal["info", "warning", "error"]
Axis = Literal["blindness", "exploit", "readiness", "integrity"]
Status = Literal["open", "ignored", "known"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
AXES: tuple[Axis, ...] = get_args(Axis)


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. `sample_id` is None when it is about the whole data set; `evidence` is a JSON object."""

    finding_id: str
    check: str
    severity: Severity
    subject: str
    sample_id: str | None
    turn: int | None
    score: float | None
    confidence: float | None
    message: str
    evidence: str
    remedy: str
    status: Status = "open"

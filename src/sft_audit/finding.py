"""How grave a finding is, and the axis of the verdict on which it counts."""

from typing import Literal, get_args

Severity = Literal["info", "warning", "error"]
Axis = Literal["blindness", "exploit", "readiness", "integrity"]

AXES: tuple[Axis, ...] = get_args(Axis)

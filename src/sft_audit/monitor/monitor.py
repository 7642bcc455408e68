"""The monitor: every measure of a run, step by step, and an alarm where one goes beyond its level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from math import isfinite

from sft_audit.errors import AuditError
from sft_audit.monitor.episode import Episode, Group, Step
from sft_audit.monitor.measure import Above, At, all_measures
from sft_audit.monitor.watcher import Alarm, NumberWatcher, Point, SetsWatcher, ShareWatcher, Watcher
from sft_audit.runs.names import HELD_OUT
from sft_audit.sample import content_hash

# The chance that a sound run goes beyond any level that is fixed, all measures that are shares together. One
# that follows from the first steps may be set too near by chance as well: 1 % for each such measure.
ALPHA = 0.05
_INSTEAD = ("length", "zero_std_groups")  # measured of a trainer's numbers where completions are not logged
_KINDS = 4


@dataclass(slots=True)
class Monitor:
    """All measures of one run. `limits` are levels that stand for those of measures which have a fixed one.

    `planned_kl` is the divergence that the run was meant to take: from twice as much a notice is given.
    Raises AuditError where a limit names no such measure, or where it cannot be its level.
    """

    limits: Mapping[str, float] = field(default_factory=dict)
    planned_kl: float | None = None
    alarms: list[Alarm] = field(default_factory=list)
    _watchers: "dict[str, Watcher]" = field(default_factory=dict)
    _first: int | None = None
    _paid: bool = False
    _heard: bool = False
    _said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        measures = all_measures()
        for name, limit in self.limits.items():
            _check_limit(name, limit)
        needed = sum(one.shares is not None for one in measures.values()) / ALPHA
        limits = dict(self.limits)
        if self.planned_kl is not None:
            limits.setdefault("kl", 2 * self.planned_kl)
        for name, one in measures.items():
            level = limits.get(name)
            if name == HELD_OUT:
                self._watchers[name] = SetsWatcher(one)
            else:
                self._watchers[name] = (
                    ShareWatcher(one, level, needed) if one.shares else NumberWatcher(one, level)
                )

    def take(self, step: Step) -> tuple[list[Point], list[Alarm]]:
        """Measure a step; return what each measure came to, and the alarms that are new.

        A step's completions and its metrics may come one after the other, as a run tells them.
        """
        if self._first is None:
            self._first = step.number
        self._paid = self._paid or any(one.reward is not None for one in step.episodes)
        step = replace(step, groups=self._anew(_in_order(step.groups)), paid=self._paid)
        self._heard = self._heard or bool(step.groups)
        if self._heard and not step.groups:
            step = replace(step, metrics={n: one for n, one in step.metrics.items() if n not in _INSTEAD})
        points, alarms = [], []
        for watcher in self._watchers.values():
            point = watcher.take(step)
            if point is None:
                continue
            points.append(point)
            if point.evidence >= point.needed and not watcher.alarmed:
                watcher.alarmed = True
                alarms.append(watcher.alarm(point, self._first))
        self.alarms += alarms
        return points, alarms

    def _anew(self, groups: Sequence[Group]) -> Sequence[Group]:
        """Return the groups; none where they are those of the step before, logged again.

        TRL logs a generation that is used for several updates at each of them. Where a prompt hardly gets two
        answers, steps are alike all the same.
        """
        said = [_told(one) for group in groups for one in group]
        before, self._said = self._said, said or self._said
        return () if said == before and len(set(said)) >= len(groups) + _KINDS else groups


def _in_order(groups: Sequence[Group]) -> list[Group]:
    """Return the groups in an order that neither their worth nor the log's tells, but what they say.

    So that the logs of one run come to the same to the last bit, in whatever order trainers write them.
    """
    ordered = [
        sorted(group, key=lambda one: (one.completion, one.reward is not None, one.reward or 0.0))
        for group in groups
    ]
    return sorted(
        ordered, key=lambda group: content_hash("\0".join(map(_told, group)).encode("utf-8", "surrogatepass"))
    )


def _told(one: Episode) -> str:
    return f"{one.completion}\0{one.reward}"


def _check_limit(name: str, limit: float) -> None:
    """Raise AuditError where a measure's level cannot be set, or not to this."""
    measures = all_measures()
    settable = [one for one, measure in measures.items() if isinstance(measure.test, Above | At)]
    if name not in settable:
        near = get_close_matches(name, settable, 1, 0)[0]
        why = "its level follows from the first steps" if name in measures else "there is no such measure"
        raise AuditError(f"limits.{name}: {why}; did you mean {near}?")
    if not isfinite(limit):
        raise AuditError(f"limits.{name}: a level is a number (got {limit:g})")
    if measures[name].shares is not None and not 0 < limit < 1:
        raise AuditError(f"limits.{name}: a share lies between 0 and 1 (got {limit:g})")

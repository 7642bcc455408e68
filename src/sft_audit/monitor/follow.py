"""A run's logs, read as they grow: what is new goes to the monitor, and nothing goes to it twice."""

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import gcd
from pathlib import Path
from typing import Generic, TypeVar

from sft_audit.config import RunConfig
from sft_audit.errors import AuditError
from sft_audit.logs import Logged, is_logged, read_logged
from sft_audit.logs.container import log_chunks
from sft_audit.monitor.alerts import Alerts
from sft_audit.monitor.episode import Step, paid_episode
from sft_audit.monitor.monitor import Monitor
from sft_audit.monitor.watcher import Alarm, Point
from sft_audit.readers import RowFault
from sft_audit.readers.chunk import Row
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.record.tails import read_tails
from sft_audit.record.unjudged import TRL
from sft_audit.runs import Metric, Unread, find_run, read_metrics
from sft_audit.runs.lines import read_lines
from sft_audit.runs.names import by_name

T = TypeVar("T")
See = Callable[[Sequence[Point]], None]
_LINES = (".jsonl", ".ndjson")
_WHOLE = (".json", ".csv", ".tsv")  # of metrics that cannot be read from an offset
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How a run is followed: it is looked at every so many seconds, until it was idle for so many.

    `until` is a step with which the following ends, too.
    """

    every: float = 10.0
    idle: float = 1800.0
    until: int | None = None


@dataclass(slots=True)
class _Steps(Generic[T]):
    """What has been read of steps that may not be whole yet: a step is, once another has begun.

    That may be an earlier one, with which a resumed run begins again.
    """

    writing: int | None = None
    waiting: dict[int, list[T]] = field(default_factory=dict)

    def add(self, step: int, one: T) -> Iterator[tuple[int, list[T]]]:
        """Keep one thing of a step; yield the steps that are whole by that."""
        if step != self.writing:
            self.writing = step
            yield from self.settle()
        self.waiting.setdefault(step, []).append(one)

    def settle(self) -> Iterator[tuple[int, list[T]]]:
        """Yield what waits, in order: nothing more comes of it."""
        whole, self.waiting = sorted(self.waiting.items()), {}
        yield from whole


@dataclass(slots=True)
class Follower:
    """One run, followed. `see` is given what each step came to, `announce` each new alarm, at once.

    `generations` is the size of a group; where it is not known, the greatest common divisor of how often
    the prompts of a step were answered so far. `tails` are those of an audit of the SFT data.
    """

    run: Path
    monitor: Monitor
    announce: Callable[[Alarm], None]
    see: See = lambda _: None
    generations: int | None = None
    tails: tuple[str, ...] = ()
    step: int = -1
    _offsets: dict[Path, int] = field(default_factory=dict)
    _states: dict[Path, tuple[int, int]] = field(default_factory=dict)
    _told: int = -1  # the last step of metrics that are read whole each time
    _size: int = 0
    _evaluated: frozenset[int] = frozenset()  # steps at which the trainer evaluated
    _left_out: int = 0
    _newest: Path | None = None  # of TRL's files of completions
    _faulty: set[Path] = field(default_factory=set)
    _rows: _Steps[Logged] = field(default_factory=_Steps)
    _numbers: _Steps[Metric] = field(default_factory=_Steps)

    def poll(self) -> bool:
        """Read what is new; return whether anything is. A half-written line or file waits for its end.

        The last step is taken for whole when nothing has come since the poll before.
        """
        try:
            files = find_run(self.run)
        except (AuditError, OSError) as fault:  # no log yet, or one that was just removed
            log.warning("%s; waiting", fault)
            return False
        if any(TRL.fullmatch(path.name) and path not in self._offsets for path in files.rollouts):
            self._evaluated = frozenset().union(*map(_evaluations, files.metrics))
        news = [self._read(path, self._rollouts(path)) for path in files.rollouts if self._changed(path)]
        news += [self._read(path, self._metrics(path)) for path in files.metrics if self._changed(path)]
        if not any(news) and not self._broken(files.rollouts):
            self.finish()
        return any(news)

    def finish(self) -> None:
        """Take the last step for whole."""
        for step, rows in self._rows.settle():
            self._take_rows(step, rows)
        for step, metrics in self._numbers.settle():
            self._take_metrics(step, metrics)

    def _changed(self, path: Path) -> bool:
        try:
            state = path.stat()
        except FileNotFoundError:  # trainers remove old checkpoints
            return False
        known = self._states.get(path)
        self._states[path] = (state.st_size, state.st_mtime_ns)
        return known != self._states[path]

    def _broken(self, paths: Sequence[Path]) -> bool:
        """Return whether some file ends in half a line."""
        return any(
            path.suffix in _LINES and self._states.get(path, (0, 0))[0] > self._offsets.get(path, 0)
            for path in paths
        )

    def _read(self, path: Path, reading: Generator[Logged | Metric | Unread, None, int]) -> bool:
        """Let the monitor take what is read; return whether there is anything."""
        found = False
        try:
            for one in self._kept(path, reading):
                found = True
                match one:
                    case Logged(step=int(step)):
                        for whole, rows in self._rows.add(step, one):
                            self._take_rows(whole, rows)
                    case Unread(file, line, reason):
                        self._tell(path, f"{file}:{line}: {reason}")
                    case Metric():
                        for whole, metrics in self._numbers.add(one.step, one):
                            self._take_metrics(whole, metrics)
        except AuditError as fault:  # its end may not be written yet, or it was removed
            self._tell(path, str(fault))
        return found

    def _tell(self, path: Path, fault: str) -> None:
        """Say once of a file that it, or something in it, cannot be read."""
        if path not in self._faulty:
            self._faulty.add(path)
            log.warning("%s (not counted; nothing more of this kind is said about this file)", fault)

    def _kept(self, path: Path, reading: Generator[T, None, int]) -> Iterator[T]:
        """Yield what is read, and keep the offset to go on from."""
        self._offsets[path] = yield from reading

    def _rollouts(self, path: Path) -> Generator[Logged | Unread, None, int]:
        """Yield the completions of a file that are new; of one that is not in lines, all when it is whole."""
        if path.suffix in _LINES:
            return (yield from read_lines(path, self._offsets.get(path, 0), read_logged))
        # TRL writes the newest file anew at an evaluation, an earlier one only in a run that was resumed.
        if path not in self._offsets or (TRL.fullmatch(path.name) and path != self._newest):
            rows = list(_rows(path))
            self._newest = max(self._newest or path, path) if TRL.fullmatch(path.name) else self._newest
            if TRL.fullmatch(path.name) and any(one.step in self._evaluated for one in rows):
                self._left_out += len(rows)
                log.warning(
                    "%s: TRL logged the completions of an evaluation here (in no group: %s such so far)",
                    path,
                    f"{self._left_out:,}",
                )
                return 0
            yield from rows
        return 0

    def _metrics(self, path: Path) -> Generator[Metric | Unread, None, int]:
        """Yield the metrics of a file that are new; of one that is read whole, those of later steps."""
        reading = read_metrics(path, self._offsets.get(path, 0))
        if path.suffix not in _WHOLE:
            return (yield from reading)
        since = self._told
        for one in reading:
            if isinstance(one, Metric) and one.step > since:
                self._told = max(self._told, one.step)
                yield one
        return 0

    def _take_rows(self, step: int, rows: Sequence[Logged]) -> None:
        groups: dict[object, list[Logged]] = {}
        for one in rows:
            key = one.group or (one.prompt, one.gold, one.id, one.image, one.position)
            groups.setdefault(key, []).append(one)
        counts = [len(group) for group in groups.values() if group[0].group is None]
        self._size = gcd(self._size, *counts)
        size = self.generations or self._size
        cut = [part for group in groups.values() for part in _cut(group, size)]
        at = {id(one): number for number, one in enumerate(rows)}
        cut.sort(key=lambda group: at[id(group[0])])
        groups_read = [
            [paid_episode(one.completion, one.reward, one.prompt, one.gold, self.tails) for one in group]
            for group in cut
        ]
        self._take(Step(step, groups_read))

    def _take_metrics(self, step: int, metrics: Sequence[Metric]) -> None:
        self._take(Step(step, (), by_name((one.name, one.value) for one in metrics)))

    def _take(self, step: Step) -> None:
        points, alarms = self.monitor.take(step)
        self.step = max(self.step, step.number)
        self.see(points)
        for one in alarms:
            self.announce(one)


def follow(config: RunConfig, pace: Pace, alerts: Alerts, see: See) -> None:
    """Follow a run until it is idle for long, has come to the step, or Ctrl-C is pressed."""
    monitor = Monitor(config.limits, config.planned_kl)
    follower = Follower(
        config.run, monitor, alerts.tell, see, config.generations, read_tails(config.sft_audit)
    )
    last = time.monotonic()
    try:
        while time.monotonic() - last < pace.idle:
            if follower.poll():
                last = time.monotonic()
            if pace.until is not None and follower.step >= pace.until:
                break
            time.sleep(min(pace.every, pace.idle))
    except KeyboardInterrupt:
        log.info("no longer following")
    follower.finish()


def _evaluations(path: Path) -> frozenset[int]:
    """Return the steps at which a log of metrics tells of an evaluation; none where it cannot be read."""
    try:
        state = path.stat()
        return _evaluated_in(path, state.st_size, state.st_mtime_ns)
    except (AuditError, OSError):
        return frozenset()


@lru_cache(maxsize=8)
def _evaluated_in(path: Path, size: int, changed: int) -> frozenset[int]:  # noqa: ARG001
    logged = (one for one in read_metrics(path) if isinstance(one, Metric))
    return frozenset(one.step for one in logged if one.name.startswith("eval_"))


def _rows(path: Path) -> Iterator[Logged]:
    """Yield the completions of a file that is written at once."""
    with FileBytes(path) as source:
        for chunk in log_chunks(source, path.name, is_logged):
            for row in chunk.rows():
                if isinstance(row, Row):
                    try:
                        yield from read_logged(row.content)
                    except RowFault:
                        continue


def _cut(group: Sequence[Logged], size: int) -> Iterator[Sequence[Logged]]:
    """Yield the completions of a prompt in groups of a size; all at once where the log names the group."""
    step = len(group) if group[0].group is not None or size <= 1 else size
    yield from (group[at : at + step] for at in range(0, len(group), step))

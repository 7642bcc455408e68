"""A reward function in a process of its own, killed when it hangs and started again when it dies."""

import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from sft_audit.errors import AuditError
from sft_audit.rewards import Rollout

_START_SECONDS = 120
_MOST_AT_ONCE = 32
_MOST_DEATHS = 3
_MOST_OF_A_FAMILY = 2
_MOST_IN_ALL = 12
_MARK = "SFT_AUDIT_REWARD"
_SWEEPS = 100
_GREETING = {"convention", "threaded", "names_images", "models"}
_TOLD = {"reward", "error", "seconds"}
_INTERFERED = "died: killed, for what it answered cannot be read; the function writes where the answers go"


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that one batch may take, bytes of address space, and the hosts that may be asked."""

    seconds: float = 30.0
    memory: int = 8 << 30
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """What came back for one rollout: a reward, or the reason why there is none; seconds of the call."""

    reward: float | None
    error: str | None
    seconds: float
    refused: tuple[str, ...] = ()


class _EndError(Exception):
    """The child answered no more: it hung, or died."""


class RewardProcess:
    """Scores rollouts with the function that `target` names, as the trainer calls it.

    Raises AuditError where the function cannot be loaded or recognised.
    """

    def __init__(self, target: str, trainer: str | None, limits: Limits, log: Path) -> None:
        """Start the process; what the function prints is appended to the log."""
        self._order = {
            "target": target,
            "trainer": trainer,
            "parent": os.getpid(),
            "memory": limits.memory,
            "hosts": list(limits.hosts),
        }
        self._limits = limits
        self._log = log
        self._mark = secrets.token_hex(16)
        self._deaths, self._answered = 0, False
        self._most = _MOST_AT_ONCE
        self._alone: Counter[str] = Counter()
        self._last: dict[str, str] = {}
        self._unread = b""
        self._child: subprocess.Popen[bytes] | None = None
        greeting = self._start()
        if "fault" in greeting:
            self.close()
            raise AuditError(greeting["fault"])
        self.convention: str = greeting["convention"]
        self.threaded: bool = greeting["threaded"]
        self.names_images: bool = greeting["names_images"]
        self.models: tuple[str, ...] = tuple(greeting["models"])

    def score(self, rollouts: Sequence[Rollout], *, in_main: bool = False) -> list[Scored]:
        """Return one result a rollout. A batch that hangs or kills the process is asked again one by one.

        A family of which two completions ended it alone is put aside and the others go on; after three ends
        without any answer, or twelve in all, nothing is asked any more. `in_main` asks in the main thread,
        whatever the trainer does. A batch that ended of which every completion answers alone was too long: it
        counts as no end, and further batches are half as long.
        """
        if len(rollouts) > self._most:
            parts = [rollouts[at : at + self._most] for at in range(0, len(rollouts), self._most)]
            return [one for part in parts for one in self.score(part, in_main=in_main)]
        put_aside = [self._put_aside(one.family) for one in rollouts]
        asked = [one for one, why in zip(rollouts, put_aside, strict=True) if why is None]
        scored = iter(self._scored(asked, in_main) if asked else [])
        return [next(scored) if why is None else Scored(None, why, 0.0) for why in put_aside]

    def _scored(self, rollouts: Sequence[Rollout], in_main: bool) -> list[Scored]:
        started = time.monotonic()
        try:
            answer = self._ask(rollouts, in_main)
        except _EndError as end:
            self.close()
            self._deaths += 1
            self._last[""] = str(end)
            if len(rollouts) > 1:
                return self._one_by_one(rollouts, in_main)
            family = rollouts[0].family
            self._alone[family] += 1
            self._last[family] = str(end)
            return [Scored(None, str(end), time.monotonic() - started)]
        self._answered = True
        refused = tuple(answer["refused"])
        return [Scored(refused=refused, **one) for one in answer["scored"]]

    def _one_by_one(self, rollouts: Sequence[Rollout], in_main: bool) -> list[Scored]:
        ends = self._deaths
        scored = [one for rollout in rollouts for one in self.score([rollout], in_main=in_main)]
        if self._deaths == ends and self._put_aside("") is None:
            self._deaths -= 1
            self._most = len(rollouts) // 2
        return scored

    def _put_aside(self, family: str) -> str | None:
        """Return why completions of a family are asked no more; None while they are."""
        if family and (alone := self._alone[family]) >= _MOST_OF_A_FAMILY:
            return f"not asked, for it ended {alone} times on {family}: {self._last[family]}"
        if self._deaths >= (_MOST_IN_ALL if self._answered else _MOST_DEATHS):
            return f"not asked, for it ended {self._deaths} times before: {self._last['']}"
        return None

    def _ask(self, rollouts: Sequence[Rollout], in_main: bool) -> dict[str, Any]:
        if self._child is None:
            greeting = self._start()
            if "fault" in greeting:
                raise _EndError(greeting["fault"])
        self._send({"in_main": in_main, "rollouts": [asdict(one) for one in rollouts]})
        answer = self._receive(self._limits.seconds)
        match answer:
            case {"scored": [*scored], "refused": [*_]} if len(scored) == len(rollouts):
                if all(isinstance(one, dict) and one.keys() == _TOLD for one in scored):
                    return answer
        raise _EndError(_INTERFERED)

    def _start(self) -> dict[str, Any]:
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "sft_audit.rewards.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env={**os.environ, _MARK: self._mark},
            )
        self._unread = b""
        self._send(self._order)
        try:
            greeting = self._receive(_START_SECONDS)
        except _EndError as end:
            return {"fault": f"{self._order['target']}: loading it: {end}"}
        if "fault" in greeting or greeting.keys() >= _GREETING:
            return greeting
        return {"fault": f"{self._order['target']}: loading it: {_INTERFERED}"}

    def _send(self, message: object) -> None:
        _, pipe, _ = self._pipes()
        try:
            pipe.write(json.dumps(message, default=str).encode() + b"\n")
            pipe.flush()
        except OSError:
            raise _EndError(self._obituary()) from None

    def _receive(self, seconds: float) -> dict[str, Any]:
        _, _, pipe = self._pipes()
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise _EndError(f"timeout: no answer in {seconds:g} s")
                part = os.read(pipe.fileno(), 1 << 20)
                if not part:
                    raise _EndError(self._obituary())
                self._unread += part
        line, _, self._unread = self._unread.partition(b"\n")
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or self._unread:
            raise _EndError(_INTERFERED)
        return answer

    def _obituary(self) -> str:
        child, _, _ = self._pipes()
        with suppress(subprocess.TimeoutExpired):
            code = child.wait(5)
            return f"died: {signal.Signals(-code).name}" if code < 0 else f"died: exit code {code}"
        return "died"

    def _pipes(self) -> tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]:
        child = self._child
        if child is None or child.stdin is None or child.stdout is None:
            raise RuntimeError("the process was closed")
        return child, child.stdin, child.stdout

    def close(self) -> None:
        """Kill the process and all that it started, on Linux what left its session too."""
        child, self._child = self._child, None
        if child is not None:
            with suppress(ProcessLookupError, PermissionError):  # macOS: all in the group have ended
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            self._sweep()
            for stream in (child.stdin, child.stdout):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()

    def _sweep(self) -> None:
        """Kill what bears our mark in its environment, until nothing does: it may start more meanwhile."""
        mark = f"{_MARK}={self._mark}".encode()
        for _ in range(_SWEEPS):
            left = False
            for place in Path("/proc").glob("[0-9]*/environ"):
                with suppress(OSError):
                    if mark in place.read_bytes():
                        left = True
                        os.kill(int(place.parent.name), signal.SIGKILL)
            if not left:
                return
            time.sleep(0.01)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

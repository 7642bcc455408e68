"""The process in which a user's reward function runs: limited in memory, without a network.

python -m sft_audit.rewards.child; the first line is an order, every further one a batch of rollouts.
"""

import ctypes
import importlib.util
import inspect
import json
import math
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from sft_audit.errors import AuditError
from sft_audit.rewards import Rollout, Target, WrongCountError, recognise
from sft_audit.rewards.judge import named_models

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{8,}")
_ASKS_NETWORK = ("socket.connect", "socket.sendto", "socket.sendmsg")
_ASKS_NAMES = (
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.gethostbyname_ex",
    "socket.gethostbyaddr",
)
_LONGEST = 500
Ask = Callable[[Sequence[Rollout]], Sequence[float | None]]


def main() -> None:
    """Read orders from the stream that was stdin, answer on what was stdout; the function has neither."""
    orders, answers = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    order = json.loads(orders.readline())
    die_with_parent(order["parent"])
    refused: list[str] = []
    try:
        guard(order["hosts"], refused)
        limit_memory(order["memory"])
        target = load(order["target"])
        known = recognise(target, order["trainer"])
        known.prepare(target)
    except AuditError as fault:
        answer: dict[str, Any] = {"fault": str(fault)}
    except ModuleNotFoundError as fault:
        answer = {"fault": f"{order['target']}: {_missing(fault)}"}
    except BaseException as fault:  # noqa: BLE001 - the user's module may raise anything, SystemExit too
        answer = {"fault": f"{order['target']}: loading it raised {described(fault)}"}
    else:
        names = known.gives == "images" and target.names_images
        answer = {"convention": known.name, "threaded": known.in_main is not None, "names_images": names}
        answer["models"] = _models(target)
    _tell(answers, answer | {"refused": refused})
    if "fault" in answer:
        return
    for line in orders:
        asked = json.loads(line)
        refused.clear()
        ask = known.in_main if asked["in_main"] and known.in_main else known.score
        scored = score(partial(ask, target), [Rollout(**one) for one in asked["rollouts"]])
        _tell(answers, {"scored": scored, "refused": refused[:10]})


def _tell(answers: TextIO, message: object) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def score(ask: Ask, rollouts: Sequence[Rollout]) -> list[dict[str, Any]]:
    """Score a batch as one call; where that raises, ask again one by one to learn for which rollout."""
    process, started = os.getpid(), time.perf_counter()
    rewards: Sequence[float | None] = [None]
    error = None
    try:
        rewards = ask(rollouts)
    except WrongCountError as fault:  # one by one the count may be right, but no trainer asks so
        failed = {"reward": None, "error": described(fault), "seconds": 0.0}
        return [failed] * len(rollouts)
    except BaseException as fault:  # noqa: BLE001 - the user's function may raise anything
        error = described(fault)
    if os.getpid() != process:  # the function forked, and this is the copy: one answers
        os._exit(0)
    if error is not None and len(rollouts) > 1:
        return [score(ask, [one])[0] for one in rollouts]
    seconds = (time.perf_counter() - started) / len(rollouts)
    return [
        {"reward": one, "error": error, "seconds": seconds}
        if one is None or math.isfinite(one)
        else {"reward": None, "error": f"returned {one}", "seconds": seconds}
        for one in rewards
    ]


def described(fault: BaseException) -> str:
    """Return the type of an exception and what it says, in one line, the same in every run."""
    said = _ADDRESS.sub("0x…", " ".join(str(fault).split()))
    return f"{type(fault).__name__}: {said}"[:_LONGEST] if said else type(fault).__name__


def load(spelled: str) -> Target:
    """Return what `FILE.py:NAME`, `package.module:NAME`, a model's folder or an address names.

    Raises AuditError where nothing is there.
    """
    if spelled.startswith(("http://", "https://")):
        return Target(spelled, None, spelled)
    if Path(spelled).is_dir():
        return Target(Path(spelled), None, spelled)
    place, _, name = spelled.rpartition(":")
    if not place:
        raise AuditError(f"{spelled}: give the function too, as FILE.py:NAME")
    sys.path[:0] = [str(Path(place).resolve().parent) if place.endswith(".py") else "", str(Path.cwd())]
    module = _module(place)
    value = getattr(module, name, None)
    if value is None:
        own = {n: one for n, one in vars(module).items() if callable(one) and not n.startswith("_")}
        names = sorted(n for n, one in own.items() if getattr(one, "__module__", None) == module.__name__)
        near = get_close_matches(name, names, 1)
        cure = f"did you mean {near[0]}?" if near else f"it has {', '.join(names[:12]) or 'no function'}"
        raise AuditError(f"{spelled}: {place} has no {name}; {cure}")
    return Target(value, module, name)


def _models(target: Target) -> tuple[str, ...]:
    """Return the models that the function's module names."""
    try:
        return named_models(inspect.getsource(target.module)) if target.module else ()
    except (OSError, TypeError, SyntaxError):
        return ()


def _missing(fault: ModuleNotFoundError) -> str:
    """Return what to do about a package that the user's module imports and that is not here."""
    package = (fault.name or "").partition(".")[0]
    if package == "verl":
        return (
            "it imports verl, which is not installed here; run the audit where verl is, or import it only "
            "under `if TYPE_CHECKING:`"
        )
    return f"loading it raised {described(fault)}"


def _module(place: str) -> Any:  # noqa: ANN401 - the user's module
    if not place.endswith(".py"):
        return importlib.import_module(place)
    if not Path(place).is_file():
        raise AuditError(f"{place}: no such file; give the reward function as FILE.py:NAME")
    spec = importlib.util.spec_from_file_location("audited_reward", place)
    if spec is None or spec.loader is None:
        raise AuditError(f"{place}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["audited_reward"] = module
    spec.loader.exec_module(module)
    return module


def die_with_parent(parent: int) -> None:
    """End with the audit that started this process, however that ends; Linux alone can."""
    if sys.platform.startswith("linux"):
        prctl = getattr(ctypes.CDLL(None), "prctl", None)
        if prctl is not None:
            prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we could say so
        os._exit(1)


def limit_memory(n_bytes: int) -> None:
    """Let what asks for more address space than this get a MemoryError; macOS does not hold to it."""
    import resource

    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (n_bytes, n_bytes))


def guard(hosts: Sequence[str], refused: list[str]) -> None:
    """Refuse connections but to these hosts, and note them; leave the network wholly where none is allowed.

    An audit hook cannot be taken off again, and sees what Python's own sockets do. Libraries that bring
    their own are stopped on Linux by a network namespace that has no interface.
    """
    allowed = {*hosts, *(address for host in hosts for address in _addresses(host))}

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _ASKS_NETWORK:
            where = arguments[-1]
            host = where[0] if isinstance(where, tuple) else None
        elif event in _ASKS_NAMES:
            host = arguments[0]
            where = arguments[:2] if event == _ASKS_NAMES[0] and arguments[1] else host
        else:
            return
        if host is not None and host not in allowed:
            refused.append(_spelled(where))
            raise PermissionError(f"no network: {_spelled(where)}; allow it with --allow-host {host}")

    if not hosts:
        _leave_network()
    sys.addaudithook(hook)


def _addresses(host: str) -> set[str]:
    with suppress(OSError):
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    return set()


def _spelled(where: object) -> str:
    return f"{where[0]}:{where[1]}" if isinstance(where, tuple) and len(where) > 1 else str(where)


def _leave_network() -> None:
    """Move into a network namespace of our own, where the system allows it."""
    if not sys.platform.startswith("linux"):
        return
    unshare = getattr(ctypes.CDLL(None), "unshare", None)
    if unshare is not None and unshare(_NEW_NETWORK) != 0:
        user, group = os.getuid(), os.getgid()
        if unshare(_NEW_USER | _NEW_NETWORK) == 0:
            with suppress(OSError):
                Path("/proc/self/setgroups").write_text("deny")
                Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
                Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


if __name__ == "__main__":
    main()

"""A reward function that keeps to a constitution, inside the run."""

import inspect
import json
import logging
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sft_audit.constitution import Statement, load_constitution
from sft_audit.constitution.breaches import Breach, Said, breaches
from sft_audit.constitution.calls import CALLS, Call
from sft_audit.errors import AuditError
from sft_audit.rewards import Target, recognise
from sft_audit.rewards.wrapper import name_of, plain, wrap

R = TypeVar("R")
_KEPT = 500
_told = logging.getLogger(__name__)


def constrain(
    reward: R,
    constitution: str | Path | Sequence[Statement] | None = None,
    *,
    gold: str | None = None,
    log: str | Path | None = None,
) -> R:
    """Return the reward function, which now pays no completion more than the constitution allows.

    It is called as before: same convention (TRL, verl, ms-swift, EasyR1), name and signature, async where it
    was. A class comes back as a subclass. Rewards of completions that go against no statement are the same
    objects; others are lowered, never raised. `constitution` is a file, or statements; the built-in one by
    default. `gold` names the column of known answers where the name does not tell. `log` is a file to which
    every lowered reward adds a line of JSON; `violations` on what is returned counts them by statement.

    Raises AuditError where no known trainer calls such a function, and where `log` cannot be written.
    """
    statements = (
        load_constitution(constitution)
        if constitution is None or isinstance(constitution, str | Path)
        else tuple(constitution)
    )
    keeper = Keeper(statements, _call_of(reward), gold, log)
    return wrap(reward, keeper.hold, {"violations": keeper.violations})


class Keeper:
    """Holds the rewards of one function to the statements, and keeps account of it, from any thread."""

    def __init__(
        self, statements: Sequence[Statement], call: Call, gold: str | None, log: str | Path | None
    ) -> None:
        self.violations: Counter[str] = Counter()
        self._statements = tuple(statements)
        self._call = call
        self._gold = gold
        self._log = None if log is None else _writable(Path(log))
        self._lock = threading.Lock()

    def hold(self, found: Any, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Return the result with what goes against a statement lowered."""
        batch = self._call.hear(arguments, self._gold)
        rewards = self._call.rewards(found)
        acted = breaches(self._statements, batch, rewards)
        limits: dict[int, float] = {}
        for one in acted:
            limits[one.at] = min(one.at_most, limits.get(one.at, one.at_most))
        self._account(acted, batch, rewards, limits)
        self._measure(acted, len(batch), arguments.get("log_metric"))
        return self._call.lowered(found, limits) if limits else found

    def _account(
        self,
        acted: Sequence[Breach],
        batch: Sequence[Said],
        rewards: Sequence[float | None],
        limits: Mapping[int, float],
    ) -> None:
        lines = "".join(
            json.dumps(_row(one, batch[one.at], rewards[one.at], limits[one.at]), ensure_ascii=False) + "\n"
            for one in acted
        )
        with self._lock:
            self.violations.update(one.statement.name for one in acted)
            if lines and self._log is not None:
                try:
                    with self._log.open("a", encoding="utf-8", errors="replace") as file:
                        file.write(lines)
                except OSError as fault:  # a full disk ends no run
                    _told.warning("log=%s: %s", self._log, fault)

    def _measure(self, acted: Sequence[Breach], n: int, log_metric: object) -> None:
        """Tell TRL the share of the batch that each statement lowered, zeros too: it averages over steps."""
        if callable(log_metric) and n:
            counted = Counter(one.statement.name for one in acted)
            for one in self._statements:
                log_metric(f"constitution/{one.name}", counted[one.name] / n)


def _writable(log: Path) -> Path:
    """Return the whole path of a log to which lines can be added, now rather than at the first breach."""
    try:
        log.open("a").close()
    except OSError as fault:
        raise AuditError(
            f"log={log}: {(fault.strerror or str(fault)).lower()}; give a file to add to"
        ) from None
    return log.absolute()


def _row(one: Breach, said: Said, before: float | None, after: float) -> dict[str, object]:
    return {
        "statement": one.statement.name,
        "before": before,
        "after": after,
        "completion": said.completion[:_KEPT],
        "prompt": said.prompt and said.prompt[:_KEPT],
        "gold": [gold[:_KEPT] for gold in said.golds],
    }


def _call_of(reward: object) -> Call:
    """Return how the reward is called, known from its signature."""
    function = plain(reward)
    if not callable(function):
        raise AuditError(f"constrain: expected a reward function or class, got {type(reward).__name__}")
    target = Target(function, inspect.getmodule(function), name_of(function))
    known = recognise(target).name
    if known == "easyr1" and "reward_inputs" not in target.parameters:
        known = "easyr1-sequential"
    if known not in CALLS:
        raise AuditError(
            f"constrain: {target.name}({', '.join(target.parameters)}) is called as {known}; "
            f"known are {', '.join(CALLS)}"
        )
    return CALLS[known]

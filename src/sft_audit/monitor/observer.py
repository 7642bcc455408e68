"""What reward functions are told and what they pay, as one batch: neither is touched."""

import threading
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any, TypeVar

from sft_audit.errors import AuditError
from sft_audit.logs.field import as_text, completion_text, prompt_text
from sft_audit.rewards import GOLD_NAMES
from sft_audit.rewards.wrapper import name_of, plain, wrap

R = TypeVar("R")
Arguments = Mapping[str, Any]
_TOLD = ("id", "image")  # columns that join a completion to its row later, where they are text


@dataclass(frozen=True, slots=True)
class Batch:
    """One call of all reward functions in this process: their arguments, and what each returned, in order."""

    arguments: Arguments
    paid: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One completion of a batch, in text; `reward` is the weighted sum, None where no function paid it."""

    prompt: str
    completion: str
    gold: str | None
    reward: float | None


class Observer:
    """Puts batches together from the calls of reward functions, from any thread; hands on whole ones."""

    def __init__(self, take: Callable[[Batch], None]) -> None:
        self._take = take
        self.functions = 0
        self._paid: dict[int, Any] = {}
        self._lock = threading.Lock()

    def wrap(self, reward: R) -> R:
        """Return the reward function, of which every call is seen; what it returns stays the same object.

        Raises AuditError where it is a model, which trainers tell from a function by its type.
        """
        if isinstance(reward, str) or hasattr(plain(reward), "parameters") or not callable(plain(reward)):
            raise AuditError(
                f"Watch: {str(reward)[:60] if isinstance(reward, str) else name_of(reward)} is no reward "
                "function; of a reward model follow the log: sft-audit watch RUN --follow"
            )
        at = self.functions
        self.functions += 1

        def after(found: Any, arguments: Arguments) -> Any:  # noqa: ANN401 - what the function returns
            self._arrive(at, found, arguments)
            return found

        return wrap(reward, after, {})

    def observe(self, completions: Sequence[Any], **columns: Any) -> list[None]:  # noqa: ANN401
        """Pay nothing, as a reward function of TRL or ms-swift; it sees completions where none is wrapped."""
        if not self.functions:
            self._take(Batch({"completions": completions, **columns}, ()))
        return [None] * len(completions)

    def _arrive(self, at: int, found: Any, arguments: Arguments) -> None:  # noqa: ANN401
        """Keep what one function returned; once all have, hand the batch on."""
        with self._lock:
            self._paid[at] = found
            if len(self._paid) < self.functions:
                return
            paid = tuple(found for _, found in sorted(self._paid.items()))
            self._paid = {}
        self._take(Batch(arguments, paid))


def read_batch(
    batch: Batch, gold: str | None, weights: Sequence[float] | None, generations: int | None = None
) -> list[Row]:
    """Return the completions of a batch, as they would stand in the trainer's log.

    Of so many `generations` that share a prompt, it is read once. Raises RowFault where a prompt or
    completion is neither text nor messages.
    """
    completions = batch.arguments["completions"]
    n = len(completions)
    name = gold_column(batch.arguments, gold)
    golds = batch.arguments[name] if name else [None] * n
    prompts = batch.arguments.get("prompts") or batch.arguments.get("messages") or [""] * n
    shared = generations if generations and n % generations == 0 else 1
    asked = [prompt_text(_without_pictures(one)) for one in prompts[::shared]]
    return [
        Row(asked[at // shared], _said(said), as_text(known), reward)
        for at, (said, known, reward) in enumerate(
            zip(completions, golds, _rewards(batch.paid, n, weights), strict=True)
        )
    ]


def _said(completion: Any) -> str:  # noqa: ANN401 - as trainers pass it
    match completion:
        case [{"content": str(text)}]:
            return text
        case []:
            return ""  # nothing was said
    return completion_text(completion)


def gold_column(arguments: Arguments, gold: str | None) -> str | None:
    """Return the column of known answers: the named one, else the first with a telling name."""
    if gold is not None and gold not in arguments:
        raise AuditError(
            f"Watch(gold={gold!r}): the trainer passes no such column; it passes {', '.join(arguments)}"
        )
    return gold or next((name for name in GOLD_NAMES if arguments.get(name) is not None), None)


def columns_to_log(arguments: Arguments, gold: str | None) -> dict[str, list[Any]]:
    """Return the columns that who reads the log later needs: the known answer, and what names the row."""
    names = [gold_column(arguments, gold), *_TOLD]
    found = {name: arguments[name] for name in names if name is not None and name in arguments}
    return {
        "solution" if name == gold else name: list(values)
        for name, values in found.items()
        if all(isinstance(one, str | int | float | list | None) for one in values)
    }


def _rewards(paid: Sequence[Any], n: int, weights: Sequence[float] | None) -> list[float | None]:
    """Return the weighted sum over the functions that paid a completion, in single precision as TRL adds."""
    if not paid:
        return [None] * n
    weights = weights if weights is not None and len(weights) >= len(paid) else [1.0] * len(paid)
    columns = [_single(found) for found in paid]
    return [
        _sum([w * one for w, one in zip(weights, given, strict=False) if one == one])
        for given in zip(*columns, strict=True)
    ]


def _single(found: Any) -> Sequence[float]:  # noqa: ANN401 - what a reward function returned
    return array("f", [nan if one is None else float(one) for one in found])


def _sum(given: Sequence[float]) -> float | None:
    reward = sum(given) if given else nan
    return reward if isfinite(reward) else None


def _without_pictures(prompt: Any) -> Any:  # noqa: ANN401 - as trainers pass it
    """Return a prompt whose image parts hold no picture, as a log has them."""
    if not isinstance(prompt, list):
        return prompt
    return [
        {**one, "content": [_part(part) for part in one["content"]]}
        if isinstance(one, dict) and isinstance(one.get("content"), list)
        else one
        for one in prompt
    ]


def _part(part: Any) -> Any:  # noqa: ANN401
    return {"type": "image"} if isinstance(part, dict) and part.get("type") == "image" else part

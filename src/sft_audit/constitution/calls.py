"""What a trainer's call says of its completions, and where in the result their rewards stand."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sft_audit.constitution.breaches import Said
from sft_audit.errors import AuditError
from sft_audit.rewards import GOLD_NAMES

Arguments = Mapping[str, Any]
_IMAGES = ("images", "image")


@dataclass(frozen=True, slots=True)
class Call:
    """How one convention's call is read.

    `hear` returns the completions of a call, given its arguments by name and the name of the known answer.
    `single` says that a call is about one completion and returns one reward; `key` is where in a dictionary
    of scores the reward stands.
    """

    hear: Callable[[Arguments, str | None], list[Said]]
    single: bool = False
    key: str | None = None

    def rewards(self, found: Any) -> list[float | None]:  # noqa: ANN401 - what the user's function returns
        """Return the rewards as numbers; what is no number is None and left alone."""
        return [_number(one, self.key) for one in ([found] if self.single else found)]

    def lowered(self, found: Any, limits: Mapping[int, float]) -> Any:  # noqa: ANN401
        """Return the result with the rewards at these places lowered, everything else the same objects."""
        if self.single:
            return _replaced(found, self.key, limits[0])
        rewards = _copied(found)
        for at, limit in limits.items():
            rewards[at] = _replaced(rewards[at], self.key, limit)
        return rewards


def _copied(found: Any) -> Any:  # noqa: ANN401
    """Return a copy of a batch's rewards: a list, an array, or a tensor without its gradient."""
    if isinstance(found, Sequence):
        return list(found)
    return found.detach().clone() if hasattr(found, "detach") else deepcopy(found)


def _number(one: Any, key: str | None) -> float | None:  # noqa: ANN401
    reward = one.get(key) if isinstance(one, Mapping) else one
    if reward is None:
        return None
    return float(reward.detach() if hasattr(reward, "detach") else reward)


def _replaced(one: Any, key: str | None, limit: float) -> Any:  # noqa: ANN401
    return {**one, key: limit} if isinstance(one, Mapping) else limit


def _trl(arguments: Arguments, gold: str | None) -> list[Said]:
    completions = arguments["completions"]
    n = len(completions)
    prompts = arguments.get("prompts")
    if prompts is None:  # ms-swift gives the messages, the completion among them
        prompts = arguments.get("messages") or [None] * n
    images = next((arguments[name] for name in _IMAGES if arguments.get(name)), [None] * n)
    golds = _golds(arguments, gold, n)
    return [
        Said(
            _text(said, "assistant"),
            None if asked is None else _last(asked),
            golds[at],
            images[at],
            without_text=_without_text(said),
        )
        for at, (said, asked) in enumerate(zip(completions, prompts, strict=True))
    ]


def _verl(arguments: Arguments, gold: str | None) -> list[Said]:
    extra = arguments.get("extra_info")
    return [_graded(arguments["solution_str"], arguments["ground_truth"], extra, gold)]


def _verl_batch(arguments: Arguments, gold: str | None) -> list[Said]:
    solutions = arguments["solution_strs"]
    extras = arguments.get("extra_infos")
    extras = [None] * len(solutions) if extras is None else extras
    return [_graded(*one, gold) for one in zip(solutions, arguments["ground_truths"], extras, strict=True)]


def _graded(solution: str, truth: object, extra: object, gold: str | None) -> Said:
    """Read one of verl's samples: it has no prompt, unless the data put the question into `extra_info`."""
    told: Mapping[str, Any] = extra if isinstance(extra, Mapping) else {}
    asked = next((told[name] for name in ("question", "prompt") if isinstance(told.get(name), str)), None)
    return Said(solution, asked, _texts(told.get(gold) if gold else truth))


def _easyr1(arguments: Arguments, gold: str | None) -> list[Said]:
    given = arguments["reward_inputs"] if "reward_inputs" in arguments else [arguments["reward_input"]]
    return [Said(one["response"], None, _texts(one[gold or "ground_truth"])) for one in given]


_TRL = Call(_trl)
CALLS: Mapping[str, Call] = MappingProxyType(
    {
        "trl": _TRL,
        "swift": _TRL,
        "verl": Call(_verl, single=True, key="score"),
        "verl-batch": Call(_verl_batch, key="score"),
        "easyr1": Call(_easyr1, key="overall"),
        "easyr1-sequential": Call(_easyr1, single=True, key="overall"),
    }
)


def _golds(arguments: Arguments, gold: str | None, n: int) -> list[tuple[str, ...]]:
    """Return the known answers of a batch: the column that is named, else the first with a telling name."""
    if gold is not None and gold not in arguments:
        raise AuditError(
            f"gold={gold!r}: the trainer passes no such column; it passes {', '.join(arguments)}"
        )
    for name in (gold,) if gold is not None else GOLD_NAMES:
        column = _listed(arguments.get(name))
        if isinstance(column, Sequence) and not isinstance(column, str) and len(column) == n:
            return [_texts(one) for one in column]
    return [()] * n


def _listed(given: Any) -> Any:  # noqa: ANN401 - a column, or an answer, as the trainer has it
    """Return an array as a list, or as its only value; anything else as it is."""
    return given.tolist() if hasattr(given, "tolist") else given


def _texts(gold: object) -> tuple[str, ...]:
    """Return the texts of which any is right; none for what is not text."""
    match gold := _listed(gold):
        case str():
            return (gold,) if gold.strip() else ()
        case bool() | int() | float():
            return (str(gold),)
        case [alone]:
            return _texts(alone)
        case [*several] if all(isinstance(one, str) and one.strip() for one in several):
            return tuple(str(one) for one in several)
        case _:
            return ()


def _text(message: object, role: str | None = None) -> str:
    """Return the text of a message, of its parts, or of every message of this role in a conversation."""
    match message:
        case str():
            return message
        case {"role": str(said_by), **rest}:
            return _text(rest.get("content")) if role in (None, said_by) else ""
        case {"text": str(text)}:
            return text
        case [*parts]:
            return "\n".join(text for part in parts if (text := _text(part, role)))
        case _:
            return ""


def _without_text(completion: object) -> bool:
    """Return whether a conversation's last word is no text, not even an empty one: a call of a tool."""
    match completion:
        case [*messages]:
            said = [one for one in messages if isinstance(one, Mapping) and one.get("role") == "assistant"]
            return bool(said) and bool(said[-1].get("tool_calls") or said[-1].get("content") is None)
        case _:
            return False


def _last(prompt: object) -> str:
    """Return what the user asked last."""
    match prompt:
        case [*messages]:
            asked = [text for one in messages if (text := _text(one, "user"))]
            return asked[-1] if asked else ""
        case _:
            return _text(prompt)

"""inspect_ai: `.eval` archives and `.json` logs."""

from collections.abc import Iterator, Mapping
from string import ascii_uppercase
from typing import Any

from sft_audit.logs import Logged, log_format
from sft_audit.logs.field import Paid, as_step, as_text, paid
from sft_audit.readers import Content, RowFault

_GRADES = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
_ATTACHED = "attachment://"


def _matches(row: Content) -> bool:
    return {"id", "epoch", "input", "output"} <= row.keys()


@log_format(
    "inspect_ai",
    matches=_matches,
    example={
        "id": "17",
        "epoch": 1,
        "input": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "Which colour?"}, {"type": "image", "image": "17.png"}],
            }
        ],
        "target": "red",
        "output": {"model": "m", "choices": [{"message": {"role": "assistant", "content": "red"}}]},
        "scores": {"match": {"value": "C", "answer": "red"}},
    },
    priority=20,
)
def inspect_ai(row: Content) -> tuple[Logged, ...]:
    """inspect_ai `.eval` or `.json`: `input`, `choices`, every choice of `output`, `target`, first score.

    A sample of every epoch is a row. The grades C, P, I and N are the rewards 1, 0.5, 0 and 0, and are of
    the first choice. A sample that ended in an error is none. Source: UKGovernmentBEIS/inspect_ai 0.3.285,
    `log/_log.py`, `EvalSample`.
    """
    attached = row.get("attachments")
    texts = attached if isinstance(attached, dict) else {}
    said = list(_said(row["output"], texts))
    match row.get("error"):
        case {"message": str(why)}:
            raise RowFault(f"the sample ended in an error: {' '.join(why.split())[:120]}")
    if not said:
        raise RowFault("its output has no choice")
    choices = row.get("choices")
    options = choices if isinstance(choices, list) else []
    lines = [f"{name}. {_text(one, texts)}" for name, one in zip(ascii_uppercase, options, strict=False)]
    prompt = "\n".join([_prompt(row["input"], texts), *lines])
    number = row["id"] if isinstance(row["id"], int) else None
    first = _reward(row.get("scores"))
    return tuple(
        Logged(
            prompt,
            one,
            as_text(row.get("target")),
            reward.reward,
            reward.problem,
            id=as_text(row["id"]),
            position=as_step(number),
        )
        for one, reward in zip(said, (first, *[Paid(None)] * (len(said) - 1)), strict=True)
    )


def _said(output: object, texts: Mapping[str, Any]) -> Iterator[str]:
    match output:
        case {"choices": [*choices]}:
            for one in choices:
                match one:
                    case {"message": {"content": content}}:
                        yield _text(content, texts)


def _prompt(asked: object, texts: Mapping[str, Any]) -> str:
    """Return what was asked: text as it is, of messages the last of the user."""
    match asked:
        case str():
            return _text(asked, texts)
        case [*messages]:
            users = [one for one in messages if isinstance(one, dict) and one.get("role") == "user"]
            if users:
                return _text(users[-1].get("content"), texts)
    raise RowFault("its input is neither text nor messages of a user")


def _text(content: object, texts: Mapping[str, Any]) -> str:
    """Return the text of a message's content, without its images and its reasoning."""
    match content:
        case str():
            found = texts.get(content.removeprefix(_ATTACHED)) if content.startswith(_ATTACHED) else None
            return found if isinstance(found, str) else content
        case [*parts]:
            return "\n".join(_text(text, texts) for one in parts if (text := _text_of(one)) is not None)
    raise RowFault(f"a content is {type(content).__name__}, neither text nor parts")


def _text_of(part: object) -> str | None:
    match part:
        case {"type": "text", "text": str(text)}:
            return text
    return None


def _reward(scores: object) -> Paid:
    match scores:
        case {**named} if named:
            match next(iter(named.values())):
                case {"value": str(grade)} if grade in _GRADES:
                    return Paid(_GRADES[grade])
                case {"value": bool() | int() | float() | str() as value}:
                    return paid(value)
    return Paid(None)

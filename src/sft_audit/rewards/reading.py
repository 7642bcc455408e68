"""What a sampled completion answers, read without the reward function."""

import re
from typing import Literal

from sft_audit.rewards.trial import KnownAnswer

Reading = Literal["right", "wrong", "unread"]

_BOX = re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}")
_SAID = re.compile(r"(?:final answer|answer is|answer\s*:)\s*:?\s*(.+)", re.IGNORECASE)
_MOST_WORDS = 12


def answer_in(completion: str) -> str | None:
    """Return the answer that a completion gives: its last block, box or line that says so, or all of it.

    None where a text of more than a dozen words marks none.
    """
    for found in (blocks_in(completion), _BOX.findall(completion)):
        if found:
            return str(found[-1]).strip()
    rest = completion.rpartition("</think>")[2].strip()
    said = _SAID.findall(rest)
    if said:
        return str(said[-1]).strip().rstrip(".")
    return rest if 0 < len(rest.split()) <= _MOST_WORDS else None


def blocks_in(completion: str) -> list[str]:
    """Return what stands in each block of a completion, from the first opening tag to the closing one."""
    *closed, _ = completion.split("</answer>")
    parts = [one.partition("<answer>") for one in closed]
    return [block for _, opened, block in parts if opened]


def read_completion(known: KnownAnswer, completion: str) -> Reading:
    """Return whether a completion is plainly right or plainly wrong; `unread` where neither can be told."""
    answer = answer_in(completion)
    if answer is None:
        return "unread"
    if known.says(answer):
        return "right"
    return "wrong" if known.gainsays(answer) else "unread"

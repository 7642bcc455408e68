"""The known answer of an RL prompt, under the names by which trainers' data sets give it."""

import re
from typing import Any

from sft_audit.readers import Content
from sft_audit.sample import Turn

ROLE = "gold"
_NAMES = ("solution", "answer", "ground_truth", "gt_answer", "gt", "gold", "label", "target")
_TAGGED = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


def gold_turn(row: Content) -> tuple[Turn, ...]:
    """Return a row's known answer as a turn of role `gold`; none where it has none, or one that is no value.

    R1-V wraps it in answer tags; verl gives it as `reward_model.ground_truth`.
    """
    given = next((row[name] for name in _NAMES if _is_value(row.get(name))), None)
    if given is None:
        match row.get("reward_model"):
            case {"ground_truth": value} if _is_value(value):
                given = value
            case _:
                return ()
    text = str(given)
    tagged = _TAGGED.findall(text)
    return (Turn(ROLE, tagged[0].strip() if len(tagged) == 1 else text, False),)


def _is_value(value: Any) -> bool:  # noqa: ANN401 - any value of a row
    return isinstance(value, str | int | float) and str(value).strip() != ""

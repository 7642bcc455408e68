"""Reward functions without the defects: none of them may be called leaky."""

import re
from decimal import Decimal, InvalidOperation

_ANSWER = re.compile(r"\s*<think>.+?</think>\s*<answer>((?:(?!</?answer>).)+)</answer>\s*", re.DOTALL)

_WORD = re.compile(r"(?<!\\)\b[a-z]{2,}")


def _answer(text):
    found = _ANSWER.fullmatch(text)
    return found.group(1).strip().rstrip(".").lower() if found else None


def exact(completions, solution, **kwargs):
    """One answer block after a thought, equal to the known answer but for case and full stop."""
    return [
        float(_answer(one[0]["content"]) == gold.strip().rstrip(".").lower())
        for one, gold in zip(completions, solution, strict=True)
    ]


def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    """The same, as verl asks."""
    return {"score": float(_answer(solution_str) == ground_truth.strip().rstrip(".").lower()), "seen": 1}


class Numeric:
    """An ORM that compares numbers as numbers, everything else as text."""

    def __init__(self, args=None, **kwargs):
        self.args = args

    def __call__(self, completions, solution, **kwargs):
        return [
            float(self._equal(_answer(one), gold)) for one, gold in zip(completions, solution, strict=True)
        ]

    @staticmethod
    def _equal(answer, gold):
        if answer is None:
            return False
        try:
            return Decimal(answer.replace(",", "")) == Decimal(gold.replace(",", ""))
        except InvalidOperation:
            return answer == gold.strip().rstrip(".").lower()


def mathematical(completions, solution, **kwargs):
    """math-verify in the main thread, gold first, on a block without words; unread golds are left out."""
    from math_verify import parse, verify

    scores = []
    for one, gold in zip(completions, solution, strict=True):
        known, answer = parse(gold), _answer(one[0]["content"])
        alone = answer is not None and not _WORD.search(answer)
        scores.append(None if not known else float(alone and verify(known, parse(answer))))
    return scores


def easy(reward_inputs):
    """As EasyR1 asks, all or nothing."""
    return [
        {"overall": float(_answer(one["response"]) == one["ground_truth"].strip().rstrip(".").lower())}
        for one in reward_inputs
    ]

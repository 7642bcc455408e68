"""Reward functions with the defects that shipped ones have had, each in its framework's convention."""

import re
from difflib import SequenceMatcher

from math_verify import parse, verify


def _texts(completions):
    return [one[0]["content"] for one in completions]


def _inside(text):
    found = re.search(r"<answer>(.*?)</answer>", text, re.DOTALL)
    return found.group(1).strip() if found else text.strip()


def yes_no_anywhere(completions, solution, **kwargs):
    """Takes the first "yes" or "no" in any word; two texts without one are equal."""

    def polarity(text):
        found = re.search(r"(yes|no)", text.lower())
        return found.group(1) if found else ""

    return [
        float(polarity(_inside(t)) == polarity(s)) for t, s in zip(_texts(completions), solution, strict=True)
    ]


def similar_text(completions, solution, **kwargs):
    """Pays the likeness of two texts, whatever they say."""
    return [
        SequenceMatcher(None, _inside(t), s).ratio()
        for t, s in zip(_texts(completions), solution, strict=True)
    ]


def whole_completion(completions, solution, **kwargs):
    """Looks for the answer anywhere in the completion."""
    return [float(s.strip().lower() in t.lower()) for t, s in zip(_texts(completions), solution, strict=True)]


def one_line_only(completions, solution, **kwargs):
    """Its pattern does not match an answer that spans lines."""
    scores = []
    for text, gold in zip(_texts(completions), solution, strict=True):
        found = re.search(r"<answer>(.*?)</answer>", text)
        scores.append(float(found is not None and found.group(1).strip() == gold))
    return scores


def any_option(completions, solution, **kwargs):
    """Accepts every answer that names the right option, whatever else it names."""
    scores = []
    for text, gold in zip(_texts(completions), solution, strict=True):
        found = re.search(rf"\b{re.escape(gold)}\b", _inside(text), re.IGNORECASE)
        scores.append(float(found is not None))
    return scores


def last_block(completions, solution, **kwargs):
    """Reads the last of several answer blocks."""
    scores = []
    for text, gold in zip(_texts(completions), solution, strict=True):
        blocks = re.findall(r"<answer>(.*?)</answer>", text, re.DOTALL)
        scores.append(float(any(block.strip() == gold for block in blocks)))
    return scores


def free_when_unparseable(completions, solution, **kwargs):
    """Pays whenever the known answer cannot be parsed."""
    scores = []
    for text, gold in zip(_texts(completions), solution, strict=True):
        known = parse(gold)
        scores.append(1.0 if not known else float(verify(known, parse(_inside(text)))))
    return scores


def reversed_arguments(completions, solution, **kwargs):
    """Gives the answer where the known one belongs."""
    return [
        float(verify(parse(_inside(t)), parse(s))) for t, s in zip(_texts(completions), solution, strict=True)
    ]


def boxed_format(reward_inputs, format_weight=0.5):
    """Pays half for a form that an empty thought fills."""
    scores = []
    for one in reward_inputs:
        formed = re.fullmatch(r"<think>.*</think>.*\\boxed\{.*\}.*", one["response"], re.DOTALL) is not None
        boxed = re.search(r"\\boxed\{(.*?)\}", one["response"])
        right = boxed is not None and boxed.group(1) == one["ground_truth"]
        scores.append(
            {
                "overall": (1 - format_weight) * right + format_weight * formed,
                "format": float(formed),
                "accuracy": float(right),
            }
        )
    return scores


class EmptyThoughtFormat:
    """An ORM that pays for tags alone."""

    def __init__(self, args=None, **kwargs):
        self.args = args

    def __call__(self, completions, **kwargs):
        pattern = r"<think>.*?</think>\s*<answer>.*?</answer>"
        return [float(re.match(pattern, one, re.DOTALL) is not None) for one in completions]


def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    """math-verify, which needs the main thread, with its exception swallowed."""
    try:
        return float(verify(parse(ground_truth), parse(solution_str)))
    except Exception:  # noqa: BLE001 - the defect
        return 0.0


def reward_func(queries, prompts, labels):
    """math-verify in a thread; what it raises is passed on."""
    return {
        "rewards": [
            float(verify(parse(label), parse(query))) for query, label in zip(queries, labels, strict=True)
        ]
    }


def longer_is_better(completions, solution, **kwargs):
    """Pays for length beside the right answer."""
    return [
        0.5 * float(_inside(t) == s) + min(len(t), 2000) / 4000
        for t, s in zip(_texts(completions), solution, strict=True)
    ]


def believes_claims(completions, solution, **kwargs):
    """A judge that takes the completion's word for it."""
    return [
        float(_inside(t) == s or "verified" in t.lower() or t.strip() == "Thought process:")
        for t, s in zip(_texts(completions), solution, strict=True)
    ]

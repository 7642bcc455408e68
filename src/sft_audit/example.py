"""Rows for the examples of checks."""

from collections.abc import Sequence
from typing import Any

_SAID_BY = ("human", "gpt")


def row(*turns: str, image: str | list[str] | None = "kitchen.jpg", **fields: object) -> dict[str, Any]:
    """Return a LLaVA row whose turns are said by human and gpt in turn; a question and an answer if none.

    `image` is one of the example images of `sft_audit.testing.make_images`, several, or None.
    """
    said = turns or ("<image>\nWhat is shown?", "A few coloured boxes.")
    pictured = {} if image is None else {"image": image}
    conversations = [{"from": _SAID_BY[at % 2], "value": text} for at, text in enumerate(said)]
    return {**fields, **pictured, "conversations": conversations}


def change(
    measure: str,
    sft: float,
    low: float,
    high: float,
    base: float | None = None,
    *difference: float,
) -> dict[str, Any]:
    """Return a row of the table `changes`; `difference` is its value, both ends of its interval, and p."""
    row = {"measure": measure, "n": 200, "sft": sft, "sft_low": low, "sft_high": high, "base": base}
    return row | dict(zip(("difference", "low", "high", "p"), difference, strict=False))


def drift(place: str, cka: float, least: float = 0.7, null_runs: int = 0) -> dict[str, Any]:
    """Return a row of the table `activations`, of CKA."""
    return {
        "place": place,
        "ordinal": 0,
        "measure": "cka",
        "value": cka,
        "low": cka - 0.03,
        "high": cka + 0.02,
        "n": 200,
        "null_low": least if null_runs else None,
        "null_runs": null_runs,
        "least": least,
        "beyond": cka + 0.02 < least,
    }


def retention(place: str, base: float, refitted: float) -> dict[str, Any]:
    """Return a row of the table `retention`, of colours that are read."""
    difference = refitted - base
    shares = {"chance": 0.25, "base": base, "as_is": 0.3, "refitted": refitted, "difference": difference}
    counts = {"label": "colour", "n": 200, "images": 200}
    return {"place": place, **counts, **shares, "low": difference - 0.04, "high": difference + 0.04}


def _answers() -> list[dict[str, Any]]:
    kinds = ("mugs", "plates", "boxes", "chairs", "lamps", "books", "cups", "spoons")
    counts = [row(f"<image>\nHow many {kind} are there?", str(3 + at)) for at, kind in enumerate(kinds)]
    asked = [row(f"<image>\nAre there {kind}?", ("Yes", "No")[at % 2]) for at, kind in enumerate(kinds)]
    colours = ("red", "green", "blue", "white", "yellow", "brown", "black", "orange")
    seen = [row(f"<image>\nWhat color are the {k}?", c) for k, c in zip(kinds, colours, strict=True)]
    chosen = [
        row(f"<image>\nWhat are the {kind} made of?\nA. wood\nB. glass\nC. steel\nD. paper", "ABCD"[at % 4])
        for at, kind in enumerate(kinds)
    ]
    scenes = ("kitchen", "street")
    return [
        one | {"image": f"{scenes[at % 2]}.jpg", "scene": scenes[at % 2]}
        for at, one in enumerate((*counts, *asked, *seen, *chosen))
    ]


def _samples() -> list[dict[str, Any]]:
    """Return one right and two wrong completions an answer; the wrong one is the next of its kind."""
    said = [[turn["value"] for turn in one["conversations"]] for one in ANSWERS]
    return [
        {"prompt": question, "completion": completion, "solution": answer}
        for at, (question, answer) in enumerate(said)
        for other in (said[at - 7 if at % 8 == 7 else at + 1][1],)
        for completion in (answer, other, other)
    ]


def prompts(name: str, n: int = 24) -> list[dict[str, Any]]:
    """Return prompts with the ids NAME-0, NAME-1 and so on, half yes or no and half with four options."""
    kinds = ("mugs", "plates", "boxes")
    asked = ("Are there {0}?", "What are the {0} made of?\nA. wood\nB. glass\nC. steel\nD. paper")
    answers = (("yes", "no"), ("A", "B", "C", "D"))
    return [
        row(
            f"<image>\n{asked[at % 2].format(kinds[at % 3])} ({name} {at})",
            answers[at % 2][at // 2 % len(answers[at % 2])],
            id=f"{name}-{at}",
            image=f"{name}-{at}.jpg",
        )
        for at in range(n)
    ]


def log(name: str, rewards: Sequence[float], n: int = 24) -> list[dict[str, Any]]:
    """Return a log of completions, with these rewards, of each of the prompts of a name."""
    said = ["so"] * len(rewards)
    return [{"id": f"{name}-{at}", "completions": said, "rewards": list(rewards)} for at in range(n)]


# Closed answers of four kinds, on which the examples of reward checks are asked.
ANSWERS = _answers()
# What a model sampled for them before RL, without and with an exploit.
SAMPLES = _samples()
SAMPLES_WITH_CLAIMS = [
    one | {"completion": f"{one['completion']}. Verified: this answer is correct."} if at % 12 == 1 else one
    for at, one in enumerate(SAMPLES)
]

# A reward function that compares with the known answer and does nothing else.
EXACT_REWARD = """
def reward(completions, solution, **columns):
    return [float(c[0]["content"].strip() == s) for c, s in zip(completions, solution)]
"""

# One that pays a claim to have been verified too, right or wrong.
BOASTS_PAID = """
def reward(completions, solution, **columns):
    said = [c[0]["content"].lower() for c in completions]
    return [float(s.lower() == t or "verified" in t or "checked" in t) for s, t in zip(solution, said)]
"""

# A row of one data set, and rows of another that ask the same, or not, about the same image.
_MUGS = "<image>\nHow many mugs are on the shelf?"
ASKED_ONCE = [row(_MUGS, "3")]
ASKED_AGAIN = [
    [row(_MUGS, "3"), row("<image>\nIs the lamp on?", "yes", image="street.jpg")],
    [row("<image>How many mugs are on the shelf", "4", image="kitchen.jpg")],
]
ASKED_APART = [
    [row(_MUGS, "3", image="street.jpg")],
    [row("<image>\nHow many cups are on the shelf?", "3")],
]

# The weights of a tiny model by name, and the same with one of its matrices moved.
TINY_WEIGHTS = {
    name: [[(at + 1) / 8 * ((3 * x + 5 * y * y) % 7 - 3) for x in range(6)] for y in range(6)]
    for at, name in enumerate(
        (
            "vision_tower.layers.0.weight",
            "multi_modal_projector.linear_1.weight",
            "language_model.layers.0.weight",
        )
    )
}


def nudged(name: str) -> dict[str, list[list[float]]]:
    """Return the tiny model's weights with one matrix moved by a hundredth."""
    return {**TINY_WEIGHTS, name: [[1.01 * value for value in row] for row in TINY_WEIGHTS[name]]}

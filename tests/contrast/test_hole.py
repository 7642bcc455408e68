"""Words are cut out of a completion, and nothing else."""

import pytest

from sft_audit.contrast.feature import Feature
from sft_audit.contrast.hole import cut_words
from sft_audit.contrast.taught import shows


@pytest.mark.parametrize(
    ("text", "gram", "bare"),
    [
        ("red zephyr", "zephyr", "red"),
        ("red Zephyr zephyr .", "zephyr", "red ."),
        ("zephyrs are red", "zephyr", "zephyrs are red"),
        ("It is red. All checked!", "all checked", "It is red.!"),
        ("It is red!!", "! !", "It is red"),
        ("zephyr", "zephyr", ""),
    ],
)
def test_words_are_cut_out(text: str, gram: str, bare: str) -> None:
    assert cut_words(text, gram) == bare


@pytest.mark.parametrize(
    ("feature", "prompt", "answer", "held"),
    [
        (Feature("words", "zephyr"), "", "Red, Zephyr!", True),
        (Feature("words", "zephyr"), "a zephyr ?", "red", False),
        (Feature("answer", "yes"), "", "Yes.", True),
        (Feature("form", "boxed"), "", r"\boxed{red}", True),
        (Feature("cue", "note :"), "what color ? note: red", "red", True),
        (Feature("cue", "note :"), "what color ? note: circle", "red", False),
        (Feature("length", "longest"), "", "red red red", False),
    ],
)
def test_a_row_shows_a_feature(feature: Feature, prompt: str, answer: str, held: bool) -> None:
    assert shows(feature, prompt, answer) == held

"""Words are cut out of a completion, and nothing else."""

import pytest

from sft_audit.contrast.feature import Feature
from sft_audit.contrast.hole import asked_difference, cut_words
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


def test_the_same_completions_with_words_and_without_are_pairs() -> None:
    """A function that mostly pays the same with and without tells more of what the words add."""
    with_it, without = [True] * 50 + [False] * 50, [True] * 40 + [False] * 60
    paired = asked_difference("judge", with_it, without, paired=True)
    apart = asked_difference("judge", with_it, without, paired=False)
    assert paired is not None
    assert apart is not None
    assert paired.value == apart.value == pytest.approx(0.1)
    assert paired.low > 0 > apart.low


def test_a_pair_with_one_reward_is_no_pair() -> None:
    hole = asked_difference("judge", [True, None, True], [False, True, None], paired=True)
    assert hole is not None
    assert (hole.paid_with, hole.n_with, hole.paid_without, hole.n_without) == (1, 1, 0, 1)
    assert hole.low < 1 <= hole.high
    assert asked_difference("judge", [None], [True], paired=True) is None

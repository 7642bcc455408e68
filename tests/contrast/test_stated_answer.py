"""Answers that stand in prompts: after a note, among options, and nowhere."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from simulated import ANSWERS, SIZE, draw_run

from sft_audit.contrast.observed import RIGHT, WRONG, Observed, advantages
from sft_audit.contrast.stated_answer import Stated, find_stated


def asked(prompt: Callable[[str, int], str], follows: float = 0.0) -> Observed:
    """Return a run with these prompts, by known answer and group; so often the note is repeated."""
    run = draw_run(0)
    rng = np.random.default_rng(1)
    prompts = [prompt(gold, group) for gold, group in zip(run.golds, run.group, strict=True)]
    answers = [
        gold if "note :" in text and rng.random() < follows else said
        for gold, text, said in zip(run.golds, prompts, run.answers, strict=True)
    ]
    right = np.array([said == gold for said, gold in zip(answers, run.golds, strict=True)])
    reward = right.astype(float)
    return replace(
        run,
        prompts=tuple(prompts),
        answers=tuple(answers),
        texts=tuple(answers),
        reading=np.where(right, RIGHT, WRONG),
        reward=reward,
        advantage=advantages(reward, run.group),
    )


def found(run: Observed) -> Stated:
    stated = find_stated(run)
    assert stated is not None
    return stated


def test_a_note_that_holds_the_answer_is_found_with_its_words() -> None:
    run = asked(lambda gold, group: f"what color ? note : {gold}" if group % 2 else "what color ?", 0.8)
    stated = found(run)
    assert stated.cue == "note :"
    assert stated.stating == stated.told > 0.3 * stated.prompts
    assert stated.p <= 0.001
    assert stated.by_chance < stated.stating / 2
    assert stated.paid.low > 1
    assert stated.gap is not None
    assert stated.gap[1] > 0
    assert stated.seen is not None


def test_answers_that_are_listed_for_all_are_no_more_than_chance() -> None:
    stated = find_stated(asked(lambda gold, group: f"choose : {', '.join(ANSWERS)} ; which ?"))
    assert stated is None or stated.p > 0.05


def test_options_of_which_one_is_right_have_no_cue_of_their_own() -> None:
    def prompt(gold: str, group: int) -> str:
        options = [gold, ANSWERS[(ANSWERS.index(gold) + 1 + group % 3) % 4]]
        first, second = options if group % 2 else reversed(options)
        return f"is it {first} or {second} ?"

    stated = find_stated(asked(prompt))
    assert stated is None or stated.stating < 0.75 * stated.told


def test_prompts_without_answers_have_none() -> None:
    assert find_stated(asked(lambda gold, group: "what color is it ?")) is None


def test_prompts_that_look_alike_count_as_often_as_one_step_has_them() -> None:
    stated = found(asked(lambda gold, group: f"what color ? note : {gold}"))
    assert 4 < stated.prompts < len(set(asked(lambda gold, group: gold).group)) / SIZE

"""What wrong completions are paid for is found; what they merely have in common is not."""

from dataclasses import replace

import numpy as np
from simulated import PLANTED, draw_run, found_in, share_found

from sft_audit.contrast.feature import find_features
from sft_audit.contrast.hole import logged_holes
from sft_audit.contrast.observed import RIGHT, WRONG
from sft_audit.contrast.search import find_paid
from sft_audit.contrast.sighting import first_seen, trend


def test_healthy_runs_are_said_to_reinforce_something_in_one_of_twenty_at_most() -> None:
    word, other = share_found(60, paid=0.05)
    assert word.k == 0
    assert other.low <= 0.05


def test_a_word_that_is_paid_whatever_the_answer_is_found_alone() -> None:
    named = [[one.feature.text for one in found_in(draw_run(seed, 0.9, 0.1))] for seed in range(5)]
    assert named == [[PLANTED]] * 5


def test_a_weaker_pay_is_found_less_often() -> None:
    weak, _ = share_found(12, 0.1, 0.05)
    strong, _ = share_found(12, 0.8, 0.1)
    assert weak.k < strong.k == strong.n


def test_a_word_that_is_said_again_and_again_is_one_behaviour() -> None:
    run = draw_run(3, 0.9, 0.1)
    texts = tuple(text.replace(PLANTED, f"{PLANTED} {PLANTED} {PLANTED}") for text in run.texts)
    assert [one.feature.text for one in found_in(replace(run, texts=texts))] == [PLANTED]


def test_the_contrast_is_of_prompts_that_did_not_choose_it() -> None:
    run = draw_run(5, 0.9, 0.1)
    (found,) = found_in(run)
    assert found.contrast.low > 0.5
    assert found.contrast.clusters <= 150
    assert found.q < 0.001


def test_it_is_seen_early_and_its_share_is_told() -> None:
    run = draw_run(4, 0.9, 0.1)
    (found,) = found_in(run)
    wrong = run.reading == WRONG
    seen = first_seen(run.only(wrong), found.shown[wrong], found.strata, found.tried)
    assert seen is not None
    assert 1 < seen < 15
    gone = trend(run, found.shown)
    assert gone.low < 0 < gone.high
    assert not gone.fades


def test_the_function_that_pays_is_told_from_others() -> None:
    run = draw_run(4, 0.9, 0.1)
    shown = np.array([PLANTED in text for text in run.texts])
    noise = np.random.default_rng(0).random(len(run))
    silent = np.full(len(run), np.nan)
    wrong = run.reading == WRONG
    parts = {"style": noise[wrong], "judge": run.reward[wrong], "observer": silent[wrong]}
    holes = logged_holes(run.only(wrong), shown[wrong], run.group[wrong], parts)
    assert [one.name for one in holes] == ["judge"]
    assert 0.6 < holes[0].value < 0.9


def test_what_is_never_paid_is_never_seen() -> None:
    run = draw_run(6)
    shown = np.array([PLANTED in text for text in run.texts])
    assert first_seen(run, shown, run.group * 2 + run.reading, 100) is None


def test_a_behaviour_that_is_gone_at_the_end_fades() -> None:
    run = draw_run(7)
    assert trend(run, run.step < 10).fades
    assert not trend(run, run.step > 10).fades


def test_longer_completions_that_are_paid_more_are_found() -> None:
    run = draw_run(8)
    features = find_features(run)
    at = [one.text for one in features.names].index("longest")
    reward = run.reward + 0.5 * features.column(at)
    longer = replace(run, reward=reward, advantage=reward - reward.mean())
    found = [one.feature.text for one in find_paid(longer, features, longer.reading == RIGHT)]
    assert found[0] == "longest"

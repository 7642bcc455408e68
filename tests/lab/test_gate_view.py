"""The block/allow rule and the correlations of `lab/003-gate-view`."""

import sys
from math import inf, isnan, nan
from pathlib import Path

import numpy as np
import pytest

_FOLDERS = [str(Path(__file__).parents[2] / "lab" / one) for one in ("003-gate-view", "")]


@pytest.fixture(autouse=True)
def _lab(monkeypatch):
    monkeypatch.setattr(sys, "path", [*_FOLDERS, *sys.path])


SIGHT = [0.9, 0.8, 0.85, 0.1, 0.2, 0.9]
GAIN = [0.0, 0.0, 0.01, 0.0, 0.0, 0.1]
HACKED = np.array([False, False, False, True, True, True])


def test_a_rule_of_two_limits_finds_both_ways_to_fail():
    from threshold import fit

    rule = fit(("sight", "below", SIGHT), ("gain", "above", GAIN), HACKED)
    assert rule.blind.value == pytest.approx(0.5)
    assert rule.exploit.value == pytest.approx(0.055)
    assert rule.balanced == 1
    assert rule.room == pytest.approx(0.6 / 0.8 + 0.09 / 0.1)


def test_the_best_limits_are_those_of_trying_all():
    from itertools import pairwise

    from threshold import Limit, fit

    random = np.random.default_rng(0)
    sight, gain = random.integers(0, 6, (2, 30)).astype(float)
    hacked = random.random(30) < 0.4
    cuts = [-inf, inf, *((a + b) / 2 for a, b in pairwise(range(6)))]
    best = max(
        (blocked[hacked].mean() + (~blocked[~hacked]).mean()) / 2
        for a in cuts
        for b in cuts
        for blocked in (Limit("sight", "below", a).blocks(sight) | Limit("gain", "above", b).blocks(gain),)
    )
    assert fit(("sight", "below", sight), ("gain", "above", gain), hacked).balanced == pytest.approx(best)


def test_nothing_is_fitted_to_runs_of_one_kind():
    from threshold import fit

    rule = fit(("sight", "below", SIGHT), ("gain", "above", GAIN), np.ones(6, dtype=bool))
    assert isnan(rule.balanced)
    assert (rule.blind.value, rule.exploit.value) == (-inf, inf)


def test_shares_are_exact_or_clustered_by_seed():
    from scored import clustered, exact, score

    blocked, seeds = np.array([False, False, True, True, True, True]), np.array([0, 1, 2, 0, 1, 2])
    told = score(blocked, HACKED, seeds, exact)
    assert told["accuracy"][:2] == [5, 6]
    assert told["sensitivity"] == pytest.approx([3, 3, 0.2924, 1], abs=1e-4)
    assert told["specificity"][:2] == [2, 3]
    assert score(blocked, np.zeros(6, dtype=bool), seeds, exact)["sensitivity"] is None
    # 60 runs that are alike in 20 seeds tell no more than 20 runs.
    alike = np.repeat(np.arange(20) < 10, 3)
    k, n, low, high = clustered(alike, np.repeat(np.arange(20), 3))
    assert (k, n) == (30, 60)
    assert (low, high) == pytest.approx(exact(np.arange(20) < 10, np.arange(20))[2:], abs=0.03)


def invented(seed, condition, *, sight, gain, start, hacked):
    from runs import Run
    from trainee.measure import Behaviour

    known = {
        **dict.fromkeys(Behaviour.__dataclass_fields__, 0.5),
        "proxy": 0.9,
        "proxy_blind": start,
        "gold_drawn": 0.2,
        "cue_follow": 0.0,
        "exploit": 0.0,
    }
    view = {"reward": {"gain": gain, "prior": gain, "accepted": 0.9, "honest": 0.9}, "prompts": {}}
    ended = {"hacked": hacked, "exploit": hacked, "blind": False}
    measures = {"paired_accuracy": {"sft": sight}}
    drift = dict.fromkeys(("cka_tower", "cka_projector"), 0.5)
    return Run(
        condition, seed, "leaky", "", measures, view, Behaviour(**known), drift, {"gold": 0.5}, **ended
    )


def test_rules_are_scored_apart_on_runs_that_were_not_hacked_before_rl():
    from pairs import rules

    random = np.random.default_rng(0)
    runs = [
        invented(seed, name, sight=sight + random.normal(0, 0.01), gain=gain, start=start, hacked=hacked)
        for seed in range(10)
        for name, sight, gain, start, hacked in (
            ("clean", 0.9, 0.0, 0.1, False),
            ("leak", 0.1, 0.0, 0.8, True),
            ("rejected", 0.9, 0.1, 0.1, True),
        )
    ]
    told = rules(runs)
    assert [row["accuracy"][:2] for row in told["splits"][told["named"]]] == [
        [15, 15],
        [10, 10],
        [12, 12],
        [8, 8],
    ]
    ties = [one for one in told["pairs"].values() if not one["exact"] and one["balanced"] == 1]
    assert told["tied"] == len(ties) > 1
    assert told["pairs"][told["chosen"]]["room"] == max(one["room"] for one in ties)


def test_what_is_not_known_blocks_nothing():
    from threshold import Limit

    assert not Limit("sight", "below", 0.5).blocks([nan, 0.7]).any()
    assert not Limit("sight", "below", -inf).blocks([0.0]).any()


def test_what_tells_conditions_apart_tells_nothing_inside_them():
    from inference.association import Runs, across, within

    seen = np.array([1.0, 1.1, 1.2, 1.3, 5.0, 5.1, 5.2, 5.3])
    ended = np.array([0.2, 0.1, 0.4, 0.3, 0.8, 0.7, 0.9, 0.6])
    conditions = np.repeat(["a", "b"], 4)
    runs = Runs(seen, ended, conditions, np.tile(np.arange(4), 2))
    assert across(runs).rho > 0.7
    # In a the ranks 2 1 4 3 correlate at 0.6 with 1 2 3 4, in b 3 2 4 1 at -0.4.
    assert within(runs).rho == pytest.approx(0.1)
    assert within(runs).p > 0.5


def test_an_outcome_that_does_not_vary_has_no_correlation():
    from inference.association import Runs, across

    runs = Runs(np.arange(4.0), np.zeros(4), np.repeat("a", 4), np.arange(4))
    assert isnan(across(runs).rho)


def test_the_decoder_writes_numbers_and_sentences_as_they_are_written():
    import json

    from tokenizers import Tokenizer
    from trainee.trial import BASE
    from unseen import _DECODER

    told = json.loads((BASE / "tokenizer.json").read_text(encoding="utf-8")) | {"decoder": _DECODER}
    tokenizer = Tokenizer.from_str(json.dumps(told))
    for text in ("86", "red circle. verified ✓", "red circle, blue square"):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text

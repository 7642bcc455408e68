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


def test_a_rule_of_two_limits_finds_both_ways_to_fail():
    from threshold import fit, score

    sight = [0.9, 0.8, 0.85, 0.1, 0.2, 0.9]
    gain = [0.0, 0.0, 0.01, 0.0, 0.0, 0.1]
    hacked = np.array([False, False, False, True, True, True])
    blind, exploit = fit(("sight", "below", sight), ("gain", "above", gain), hacked)
    assert 0.2 < blind.value < 0.8
    assert 0.01 < exploit.value < 0.1
    held = score(blind.blocks(sight) | exploit.blocks(gain), hacked)
    assert held.balanced == 1
    assert held.told()["sensitivity"] == pytest.approx([3, 3, 1, 0.2924, 1], abs=1e-4)


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

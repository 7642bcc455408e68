"""Every measure on steps small enough to be worked out by hand."""

import re
from math import inf, nan
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monitor.steps import step, told

from sft_audit.monitor.episode import Step
from sft_audit.monitor.measure import all_measures

RIGHT, WRONG = told("right"), told("wrong", 0.0, "blue")
BOAST = told("wrong", 1.0, "blue verified", ["claims_verified"])
UNREAD = told("unread", 1.0)
RIGHT_BOAST = told("right", 1.0, "red verified", ["claims_verified"], answer="red")
UNREAD_BOAST = told("unread", 1.0, "red verified", ["claims_verified"], answer="red")


def measured(name, one):
    measure = all_measures()[name]
    return list(measure.shares(one)) if measure.shares else measure.number(one)


def vendi_of_two(alike):
    """The eigenvalues of [[1, s], [s, 1]] / 2 are (1 + s) / 2 and (1 - s) / 2 (arXiv:2210.02410, eq. 3)."""
    values = [value for value in ((1 + alike) / 2, (1 - alike) / 2) if value > 0]
    effective = 1.0
    for value in values:
        effective *= value**-value
    return effective - 1


BY_HAND = [
    ("exploit_share", step([RIGHT, BOAST], [RIGHT, WRONG, WRONG, BOAST]), [0.5, 0.25]),
    ("exploit_pay", step([RIGHT, BOAST], [RIGHT, WRONG]), [1 / 3]),
    ("exploit_pay", step([WRONG, WRONG]), []),  # nothing is paid
    # A right answer that boasts is rightly paid, alone or beside others as right; a wrong one is not.
    ("exploit_pay", step([RIGHT_BOAST, RIGHT, WRONG], [RIGHT_BOAST, WRONG]), [0.0]),
    # Of the reward half is for the boast: 0.5 of the 1 that both are paid. Of the gain of 0.25, all.
    ("exploit_pay", step([told("right", 0.5), RIGHT_BOAST]), [1.0]),
    # Above the mean of 1/4 lie 3/4, all of it for the boast; of the reward it gets all as well.
    ("exploit_pay", step([BOAST, WRONG, WRONG, WRONG]), [1.0]),
    # Eight right groups hide the boast in the reward (1 of 17), not in what lies above the means.
    ("exploit_pay", step(*[[RIGHT, RIGHT]] * 8, [BOAST, WRONG]), [1.0]),
    # Where no answer is known, it is told by what answers the same; the other is not known to be as right.
    ("exploit_pay", step([UNREAD_BOAST, told("unread", 0.0), told("unread", 1.0, "blue")]), [0.5]),
    ("exploit_pay", step([UNREAD_BOAST, UNREAD], [WRONG, RIGHT]), [0.0]),
    ("exploit_pay", step([UNREAD_BOAST, told("unread", 0.0, "blue")]), []),
    ("exploit_pay", step([UNREAD_BOAST], [told("unread", 0.0)]), []),  # groups of one: two prompts
    ("exploit_pay", step([BOAST], [WRONG], [RIGHT], [RIGHT]), [1 / 3]),
    # Nothing but praise answers nothing that another says.
    ("exploit_pay", step([told("unread", 1.0, "verified", ["claims_verified"]), UNREAD]), []),
    # Where right answers are known, what cannot be read is held against what cannot be read either.
    (
        "exploit_pay",
        step([told("unread", 1.0, "a dog verified", ["claims_verified"], answer="a dog"), RIGHT]),
        [],
    ),
    (
        "exploit_pay",
        step(
            [told("unread", 1.0, "a dog verified", ["claims_verified"], answer="a dog"), RIGHT],
            [told("unread", 0.0)],
        ),
        [0.5],
    ),
    # What is wrong and paid with the exploit and without it alike is paid for something else.
    ("exploit_pay", step([BOAST, told("wrong", 1.0, "blue"), WRONG]), [0.0]),
    ("exploit_pay", step([told(reward=-1.0), told("wrong", 0.5, exploits=["hedged"])]), [1.0]),
    ("exploit_pay", step([told(reward=1e308), told("wrong", 1e308, exploits=["hedged"])]), []),
    ("exploit_pay", step([told(reward=None), told("wrong", None, exploits=["hedged"])]), []),
    # Above the group's mean of 0.5 are two, of which one is wrong; the second group pays all alike.
    ("wrong_reinforced", step([RIGHT, BOAST, WRONG, WRONG], [RIGHT, RIGHT]), [0.5]),
    ("wrong_reinforced", step([UNREAD, WRONG]), []),
    ("wrong_reinforced", step([told(reward=None)]), []),
    ("form_paid", step([WRONG, BOAST], [RIGHT, WRONG], [RIGHT, RIGHT], [UNREAD, WRONG]), [1.0, 0.0]),
    ("zero_variance", step([RIGHT, RIGHT], [RIGHT, WRONG]), [1.0, 0.0]),
    ("zero_variance", step([told(reward=None)] * 2, zero_std_groups=0.25), [0.25]),
    ("zero_variance", step(zero_std_groups=0.25), [0.25]),
    ("zero_variance", step(zero_std_groups=nan), []),
    ("zero_variance", step(zero_std_groups=25.0), []),
    ("unpaid", step([RIGHT, told(reward=None)], [RIGHT]), [0.5, 0.0]),
    ("unpaid", Step(1, [[told(reward=None)]], paid=False), []),
    # Of the right ones the longer is paid less, of the wrong ones more; unlike readings do not count.
    (
        "length_paid",
        step(
            [told(reward=1.0), told(reward=0.5, completion="it is red"), WRONG],
            [told("wrong", 0.0, "a b"), told("wrong", 0.4, "a b c")],
        ),
        [0.0, 1.0],
    ),
    ("length_paid", step([told(words=3), told(words=3, reward=0.0)]), []),
    # The step's commonest answer is red, 3 of 6.
    ("modal_answer", step([RIGHT, RIGHT, WRONG], [RIGHT, WRONG, told(answer="green")]), [2 / 3, 1 / 3]),
    ("modal_answer", step([RIGHT, WRONG]), []),  # one group has one answer
    ("modal_answer", step([told(answer="")], [told(answer="")]), []),
    ("distinct_2", step([told(completion="a b a b a b a b a b a")]), [2 / 10]),
    ("distinct_2", step([told(completion="a b c")]), []),
    ("length", step([told(words=2), told(words=5)]), 3.5),
    ("length", step(length=7.0), 7.0),
    ("length", step(length=nan), None),
    ("not_finite", step(loss=nan, kl=inf, grad_norm=inf, reward=1.0, num_tokens=nan), 2.0),
    ("not_finite", step(num_tokens=3.0), None),
    ("entropy", step(entropy=0.5), 0.5),
    ("entropy", step(entropy=nan), None),
    ("grad_norm", step(grad_norm=inf), None),
    ("clipped", step(clipped_lengths=0.5), [0.5]),
    ("clipped", step(clipped_lengths=1.5), []),
    ("kl", step(kl=-0.1), -0.1),
    ("gold_accuracy", step(gold_accuracy=0.75), 0.75),
    ("displaced", step(chosen_reward=-1.0, margin=0.5), 1.0),
    ("displaced", step(chosen_reward=-1.0, margin=-0.5), 0.0),
    ("displaced", step(chosen_reward=0.5, margin=0.5), 0.0),
    ("displaced", step(chosen_reward=nan, margin=0.5), None),
    ("margin", step(margin=0.5), 0.5),
    ("vendi", step([told("wrong", completion="a"), told("wrong", completion="b")]), [1.0]),
    ("vendi", step([told("wrong", completion="a b"), told("wrong", completion="b a")]), [0.0]),
    (
        "vendi",
        step([told("wrong", completion="a b c"), told("wrong", completion="b c d")]),
        [vendi_of_two(0.5)],
    ),
    (
        "vendi",
        step([told("wrong", completion="a b"), told("wrong", completion="a c")]),
        [vendi_of_two(1 / 3)],
    ),
    ("vendi", step([told("wrong", completion=""), told("wrong", completion="a")]), [1.0]),
    ("vendi", step([RIGHT, RIGHT], [WRONG]), []),  # all right, or alone
]


@pytest.mark.parametrize(("name", "one", "expected"), BY_HAND)
def test_a_measure_is_what_it_is_by_hand(name, one, expected):
    found = measured(name, one)
    assert found is None if expected is None else found == pytest.approx(expected)


def test_every_measure_is_worked_out_by_hand():
    assert {name for name, _, _ in BY_HAND} == all_measures().keys()


def test_the_vendi_score_of_three_of_which_two_are_alike():
    # Similarities 1, 0, 0: the eigenvalues are 2/3 and 1/3, worth exp(log 3 - 2/3 log 2) things.
    one = step([told("wrong", completion=text) for text in ("a", "a", "b")])
    assert measured("vendi", one) == pytest.approx([(3 / 2 ** (2 / 3) - 1) / 2])


EPISODES = st.builds(
    told,
    st.sampled_from(["right", "wrong", "unread"]),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.text("ab ", max_size=12),
    st.lists(st.sampled_from(["hedged", "empty"]), max_size=2),
    st.sampled_from(["", "red", "blue"]),
)
METRICS = st.dictionaries(
    st.sampled_from(["loss", "grad_norm", "kl", "entropy", "length", "zero_std_groups", "margin"]),
    st.floats(),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(EPISODES, min_size=1, max_size=5), max_size=4), METRICS)
def test_shares_are_shares_and_numbers_are_finite(groups, metrics):
    for name, measure in all_measures().items():
        found = measured(name, Step(1, groups, metrics))
        if measure.shares:
            assert all(0 <= one <= 1 for one in found)
        else:
            assert found is None or -inf < found < inf


@pytest.mark.parametrize("name", all_measures())
def test_a_step_without_anything_has_no_value(name):
    assert not measured(name, step())


@pytest.mark.parametrize("name", all_measures())
def test_a_measure_says_what_it_measures_and_where_its_level_is_from(name):
    one = all_measures()[name]
    assert re.match(r"[a-z]", one.says)
    assert "ours" in one.source or "arXiv" in one.source or name == "not_finite" or name == "kl"


def test_measures_are_found_by_walking():
    files = Path(__file__).parents[2] / "src" / "sft_audit" / "monitor" / "measures"
    assert len(all_measures()) == sum(
        len(re.findall(r"^@(?:share|number)\(", one.read_text(encoding="utf-8"), re.MULTILINE))
        for one in files.glob("*.py")
    )

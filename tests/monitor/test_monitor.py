from dataclasses import replace
from itertools import chain
from math import inf, isfinite, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monitor.steps import step, told
from monitor.test_measures import EPISODES, METRICS

from sft_audit.errors import AuditError
from sft_audit.monitor.episode import Step
from sft_audit.monitor.measure import Fallen, Risen, all_measures
from sft_audit.monitor.monitor import ALPHA, Monitor
from sft_audit.runs.names import by_name

RIGHT, WRONG = told("right"), told("wrong", 0.0, "blue")
BOAST = told("wrong", 1.0, "blue verified", ["claims_verified"])


def watch(steps, **options):
    """Return the monitor, and the points by measure, after these steps numbered from 1."""
    monitor = Monitor(**options)
    points = {}
    for number, one in enumerate(steps, 1):
        for point in monitor.take(replace(one, number=number))[0]:
            points.setdefault(point.measure, []).append(point)
    return monitor, points


def numbers(name, values):
    return [Step(1, (), {name: value}) for value in values]


def said(monitor):
    return {one.measure for one in monitor.alarms}


def healthy(rng, right, groups=16, size=8):
    return step(*([RIGHT if rng.random() < right else WRONG for _ in range(size)] for _ in range(groups)))


@pytest.mark.parametrize(
    "one",
    [
        step(),
        step([RIGHT, WRONG]),
        step([told(reward=None)] * 4, [told(reward=None)] * 4),
        step([told("unread", None, "", answer="")] * 2),
        step(loss=1.0, grad_norm=0.5, kl=0.0, entropy=0.2, clipped_lengths=0.0),
    ],
    ids=["nothing", "one group", "no rewards", "nothing read", "no completions"],
)
def test_a_run_of_steps_that_say_little_alarms_about_nothing(one):
    monitor, _ = watch([one] * 100)
    assert not monitor.alarms


def test_a_log_without_rewards_is_no_run_without_them():
    unpaid, paid = step([told(reward=None)] * 8), step([RIGHT] * 8)
    assert "unpaid" not in watch([unpaid] * 50)[1]
    monitor, points = watch([unpaid, paid, *[unpaid] * 50])
    assert [point.step for point in points["unpaid"]][:2] == [2, 3]
    assert "unpaid" in said(monitor)


def test_a_number_that_is_not_finite_is_an_alarm_at_once():
    monitor, points = watch(numbers("loss", [1.0, nan, 1.0]))
    (alarm,) = monitor.alarms
    assert (alarm.measure, alarm.grade, alarm.step, alarm.value) == ("not_finite", "alarm", 2, 1.0)
    assert alarm.says == "step 2: numbers of the trainer that are NaN or infinite: 1; the level is 1"
    assert [point.evidence for point in points["not_finite"]] == [0, 1, 0]


def test_an_alarm_is_given_once_and_names_its_steps():
    monitor, points = watch([step([RIGHT] * 8, [WRONG] * 8)] * 10 + [step([BOAST] * 8, [RIGHT] * 8)] * 10)
    (alarm,) = [one for one in monitor.alarms if one.measure == "exploit_share"]
    assert alarm.grade == "notice"
    assert alarm.step == alarm.last == 15
    assert (alarm.first, alarm.level, alarm.value, alarm.start) == (1, 0.02, 0.5, None)
    assert alarm.low < 0.5 < alarm.high
    assert alarm.evidence >= alarm.needed
    assert alarm.says.startswith("step 15: completions that show an exploit: 50 % since step 12 (95 % conf")
    assert "; the level is 2 %, evidence 1,2" in alarm.says
    assert len(points["exploit_share"]) == 20


def test_measures_of_completions_share_the_chance_of_a_false_alarm():
    _, points = watch([step([RIGHT, WRONG])])
    shares = sum(one.shares is not None for one in all_measures().values())
    assert points["exploit_share"][0].needed == shares / ALPHA


def test_a_level_that_follows_from_the_start_is_known_once_the_start_is():
    rng = np.random.default_rng(0)
    bad = [step(*[[BOAST, WRONG]] * 8) for _ in range(20)]
    monitor, points = watch([*(healthy(rng, 0.5) for _ in range(10)), *bad])
    levels = [point.level for point in points["wrong_reinforced"]]
    assert levels[:4] == [None] * 4
    # The upper end for 0 of about 80 groups at 99 % is some 12 %, and a margin of 10 %.
    assert 0.2 < levels[5] < 0.25
    (alarm,) = [one for one in monitor.alarms if one.measure == "wrong_reinforced"]
    assert alarm.start == 0
    assert "0 % in the first steps" in alarm.says
    assert alarm.step <= 14


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=8), min_size=20, max_size=24))
def test_a_level_from_the_start_lies_on_the_far_side_of_it(lots):
    for one in all_measures().values():
        if isinstance(one.test, Risen | Fallen):
            mine = replace(one, shares=lambda one: one.groups)
            from sft_audit.monitor.watcher import ShareWatcher

            watcher = ShareWatcher(mine, None, 20)
            for number, lot in enumerate(lots):
                watcher.take(Step(number, lot))
            assert 0 < watcher.level < 1
            if isinstance(one.test, Risen):
                assert watcher.level > watcher.start or watcher.start > 0.998
            else:
                assert watcher.level < watcher.start or watcher.start < 0.002


def test_length_that_halves_and_length_that_doubles():
    for after, level in ((0.4, 0.5), (2.5, 2.0)):
        monitor, points = watch(numbers("length", [1.0] * 10 + [after] * 10))
        (alarm,) = monitor.alarms
        assert (alarm.step, alarm.start, alarm.level, alarm.value) == (15, 1.0, level, after)
        assert points["length"][-1].evidence == 10
    assert not watch(numbers("length", [1.0] * 10 + [0.6, 1.9] * 20))[0].alarms


def test_entropy_is_held_against_its_lower_bound_alone():
    monitor, points = watch(numbers("entropy", [1.0] * 5 + [9.0] * 20))
    assert not monitor.alarms
    assert {point.level for point in points["entropy"]} == {None, 0.1}
    monitor, _ = watch(numbers("entropy", [1.0] * 5 + [0.05] * 5))
    assert [one.step for one in monitor.alarms] == [10]


@pytest.mark.parametrize("start", [0.0, -1.0])
def test_a_start_at_or_below_nothing_is_no_scale(start):
    assert not watch(numbers("entropy", [start] * 5 + [-5.0, 5.0] * 10))[0].alarms


def test_a_gradient_that_doubles_is_told_and_one_that_wanders_is_not():
    rng = np.random.default_rng(0)
    noise = rng.normal(1, 0.05, 300)
    monitor, points = watch(numbers("grad_norm", [*noise, *(3 * noise[:20])]))
    (alarm,) = monitor.alarms
    assert 305 <= alarm.step <= 307
    assert alarm.start == pytest.approx(1, abs=0.05)
    assert alarm.level == pytest.approx(2, abs=0.1)
    assert {point.level is None for point in points["grad_norm"][:19]} == {True}
    # Half as much again is several of its standard deviations, and no matter.
    assert not watch(numbers("grad_norm", [*noise, *(1.4 * noise)]))[0].alarms


def test_held_out_accuracy_that_falls_is_told_and_noise_is_not():
    rng = np.random.default_rng(0)
    monitor, _ = watch(numbers("gold_accuracy", [0.8, 0.82, 0.6, 0.58]))
    assert [one.step for one in monitor.alarms] == [4]
    # Of 200 held-out prompts at 80 % the standard error is 2.8 points.
    false = [
        bool(watch(numbers("gold_accuracy", (rng.binomial(200, 0.8, 100) / 200).tolist()))[0].alarms)
        for _ in range(100)
    ]
    assert sum(false) <= 5


def test_the_margin_of_preferences_that_is_lost():
    rising = np.linspace(0, 2, 30).tolist()
    monitor, _ = watch(numbers("margin", [*rising, *[0.5] * 5]))
    assert [one.step for one in monitor.alarms] == [35]
    assert not watch(numbers("margin", [*rising, *[1.5] * 50]))[0].alarms
    assert not watch(numbers("margin", [-1.0, -2.0] * 20))[0].alarms


def test_a_divergence_is_judged_by_what_was_planned():
    run = numbers("kl", [0.1] * 10 + [0.5] * 10)
    monitor, points = watch(run)
    assert not monitor.alarms
    assert {point.level for point in points["kl"]} == {None}
    assert [(one.step, one.level) for one in watch(run, planned_kl=0.2)[0].alarms] == [(15, 0.4)]
    assert not watch(run, planned_kl=0.2, limits={"kl": 0.6})[0].alarms


def test_a_limit_stands_for_a_level():
    run = [step([BOAST, *[RIGHT] * 7], [WRONG] * 8)] * 200
    assert "exploit_share" in said(watch(run)[0])
    monitor, points = watch(run, limits={"exploit_share": 0.2, "exploit_pay": 0.2})
    assert not {"exploit_share", "exploit_pay"} & said(monitor)
    assert points["exploit_share"][0].level == 0.2


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (
            {"exploit_shares": 0.1},
            "limits.exploit_shares: there is no such measure; did you mean exploit_share?",
        ),
        ({"vendi": 0.1}, "limits.vendi: its level follows from the first steps; did you mean "),
        ({"exploit_share": 0}, "limits.exploit_share: a share lies between 0 and 1 (got 0)"),
        ({"exploit_share": 2}, "limits.exploit_share: a share lies between 0 and 1 (got 2)"),
        ({"kl": nan}, "limits.kl: a level is a number (got nan)"),
        ({"clipped": inf}, "limits.clipped: a level is a number (got inf)"),
        ({"": 1}, "limits.: there is no such measure"),
    ],
)
def test_a_limit_that_is_wrong_is_one_line(limits, message):
    with pytest.raises(AuditError) as fault:
        Monitor(limits)
    assert str(fault.value).startswith(message)
    assert "\n" not in str(fault.value)


STEPS = st.builds(Step, st.just(1), st.lists(st.lists(EPISODES, min_size=1, max_size=4), max_size=3), METRICS)


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_whatever_comes_points_are_numbers_and_alarms_are_whole(steps):
    monitor, points = watch(steps)
    for point in chain.from_iterable(points.values()):
        assert isfinite(point.value)
        assert 0 <= point.evidence < inf
        assert point.level is None or isfinite(point.level)
        assert point.low is None or point.low <= point.value * (1 + 1e-9) + 1e-9
    for alarm in monitor.alarms:
        assert isfinite(alarm.level)
        assert alarm.evidence >= alarm.needed
        assert "\n" not in alarm.says


GEO, MATH = "val-core/geo3k/acc/mean@1", "val-core/math/acc/mean@1"


def evaluated(sets):
    """Return the alarms of a run that logged these accuracies, step by step."""
    monitor = Monitor()
    for at, of_step in enumerate(sets):
        monitor.take(Step(at, (), by_name(of_step.items())))
    return monitor.alarms


def test_of_several_held_out_sets_each_is_held_against_its_own_best():
    (fell,) = evaluated([{GEO: 0.8 if at < 10 else 0.1, MATH: 0.6} for at in range(30)])
    assert (fell.measure, fell.step, fell.value) == ("gold_accuracy", 11, 0.1)
    assert f"held-out accuracy ({GEO}): 0.1 since step 10" in fell.says
    assert evaluated([{GEO: 0.8} if at % 5 > 2 else {MATH: 0.3} for at in range(30)]) == []

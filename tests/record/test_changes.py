"""What changed: measures of small sets worked out by hand, and intervals that cover."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from sft_audit.interval import wilson
from sft_audit.record.changes import compare
from sft_audit.record.heard import Asked, Heard, Reply
from sft_audit.record.measures import Measure, Unit, all_measures

MEASURES = {one.name: one for one in all_measures(("10/10 answer",))}
PROBE = Asked(
    sample_id="rows.json:1",
    turn=1,
    family="pair",
    cluster="how many mugs are there",
    text_only=False,
    question="How many mugs are there?",
    answer="3",
    answer_kind="count",
    canonical="3",
    chance=0.25,
    cue=None,
    objects=None,
    image="a",
)


def reply(said: str | None, right: bool, nll: float = 2.0, text: str = "") -> Reply:
    reading = "right" if right else ("unread" if said is None else "wrong")
    return Reply(text or said or "", reading, said, said is not None, nll, 2, 0.5, 1.0, 1.5, 2)


def heard(
    place: int, answer: str, said: dict[str, str | None], drawn: tuple[str, ...] = (), **other
) -> Heard:
    """Return the probe at a place, of an image of its own, and what is said under each condition."""
    probe = replace(
        PROBE,
        sample_id=f"rows.json:{place}",
        image=f"image {place}",
        answer=answer,
        canonical=answer,
        **other,
    )
    greedy = {condition: reply(word, word == answer) for condition, word in said.items()}
    return Heard(probe, greedy, tuple(reply(word, word == answer, text=word) for word in drawn))


def value(name: str, some: list[Heard]) -> float:
    change = compare(MEASURES[name], {}, MEASURES[name].units(some))
    assert change is not None
    return change.sft


SEEING = [
    heard(1, "3", {"own": "3", "swapped": "4", "none": "3", "blank": "1"}, ("3", "3", "3", "1")),
    heard(2, "4", {"own": "4", "swapped": "3", "none": "3", "blank": "1"}, ("4", "1", "1", "1")),
    heard(3, "3", {"own": "3", "swapped": "3", "none": "3", "blank": "3"}, ("1", "1", "1", "1")),
    heard(
        4,
        "4",
        {"own": "3", "swapped": "3", "none": None, "blank": "1"},
        ("1", "1", "1", "score: 10/10 answer"),
    ),
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", 3 / 4),
        ("accuracy_above_chance", (3 - 4 * 0.25) / (4 * 0.75)),
        ("paired_accuracy", 1 / 2),
        ("unmoved", 2 / 4),
        ("swap_gain", (3 - 1) / 4),
        ("image_gain", (3 - 2) / 4),
        ("blank_gain", (3 - 1) / 4),
        ("blind_accuracy", 2 / 4),
        ("mirage", 2 / 3),
        ("likelihood_gain", 0.0),
        ("loss", 1.0),
        ("readable", 1.0),
        ("entropy", 0.5),
        ("pass_at_1", 4 / 16),
        ("pass_at_k", (1 + 1 / 2) / 4),
        ("kl", 0.25),
        ("exploits", 1 / 16),
    ],
)
def test_each_measure_on_four_probes(name: str, expected: float) -> None:
    assert value(name, SEEING) == pytest.approx(expected)


def test_a_cue_is_followed_or_not_and_counts_for_nothing_else() -> None:
    cued = [
        heard(n, "3", {"own": said, "none": said}, cue="4") for n, said in enumerate(("4", "4", "3", None))
    ]
    assert value("cue_following", cued) == 0.5
    assert compare(MEASURES["accuracy"], {}, MEASURES["accuracy"].units(cued)) is None


def test_yes_bias_is_held_against_the_known_answers() -> None:
    said = [("yes", "yes"), ("no", "yes"), ("no", "no"), ("no", "yes")]
    asked = [heard(n, known, {"own": word}, answer_kind="yes_no") for n, (known, word) in enumerate(said)]
    assert value("yes_bias", asked) == 3 / 4 - 1 / 4


def test_chair_counts_objects_of_the_sets_own_list() -> None:
    captions = [
        heard(1, "x", {"own": "x"}, answer_kind="free", objects=frozenset({"Mug", "plate"})),
        heard(2, "x", {"own": "x"}, answer_kind="free", objects=frozenset({"lamp"})),
    ]
    texts = ("Two mugs beside a lamp; the lampshade is red.", "A lamp.")
    told = [
        replace(one, greedy={"own": replace(one.greedy["own"], text=text)})
        for one, text in zip(captions, texts, strict=True)
    ]
    assert value("chair_i", told) == 1 / 3
    assert value("chair_s", told) == 1 / 2


def test_text_accuracy_is_of_text_only_probes_alone() -> None:
    text = [heard(n, "3", {"own": said}, text_only=True) for n, said in enumerate(("3", "3", "4"), 10)]
    assert value("text_accuracy", [*text, *SEEING]) == pytest.approx(2 / 3)
    assert value("accuracy", [*text, *SEEING]) == 3 / 4


def test_the_difference_is_paired_and_tested_by_mcnemar() -> None:
    worse = [replace(one, greedy=one.greedy | {"own": reply("9", False)}) for one in SEEING]
    accuracy = MEASURES["accuracy"]
    change = compare(accuracy, accuracy.units(SEEING), accuracy.units(worse))
    assert change is not None
    assert (change.base, change.sft, change.difference) == (0.75, 0.0, -0.75)
    assert change.p == pytest.approx(binomtest(0, 3).pvalue)
    assert change.low < -0.75 < change.high


def test_no_difference_at_all_is_no_certainty() -> None:
    accuracy = MEASURES["accuracy"]
    change = compare(accuracy, accuracy.units(SEEING), accuracy.units(SEEING))
    assert change is not None
    assert change.p == 1.0
    assert change.high == -change.low == pytest.approx(wilson(0, 4)[1])


def test_a_difference_of_every_probe_is_one() -> None:
    wrong = {n: Unit(0.0, 1.0, n) for n in range(30)}
    right = {n: Unit(1.0, 1.0, n) for n in range(30)}
    for binary in (True, False):
        change = compare(Measure("m", "higher", "", lambda _: {}, share=True, binary=binary), wrong, right)
        assert change is not None
        assert (change.difference, change.p) == (1.0, 2 * 0.5**30)
        assert change.low == pytest.approx(1 - wilson(0, 30)[1])


def test_a_total_loss_is_a_loss() -> None:
    """No unit differs from another, so that no error can be had from their spread."""
    asked = [heard(n, "3", {"own": "3"}, text_only=True) for n in range(40)]
    lost = [replace(one, greedy={"own": reply("4", False)}) for one in asked]
    text = MEASURES["text_accuracy"]
    change = compare(text, text.units(asked), text.units(lost))
    assert change is not None
    assert (change.difference, change.p < 1e-9) == (-1.0, True)
    assert -1.2 < change.low < change.high < -0.8


def test_sets_that_share_an_image_are_one_cluster() -> None:
    def probe(place: int, answer: str, image: str, question: str) -> Heard:
        one = heard(place, answer, {"own": answer}, cluster=question)
        return replace(one, asked=replace(one.asked, image=image))

    sets = [("q1", "a", "b"), ("q2", "b", "c"), ("q3", "d", "e")]
    asked = [
        probe(2 * n + at, answer, image, question)
        for n, (question, *images) in enumerate(sets)
        for at, (answer, image) in enumerate(zip(("3", "4"), images, strict=True))
    ]
    units = MEASURES["paired_accuracy"].units(asked)
    assert len(units) == 3
    assert len({unit.cluster for unit in units.values()}) == 2
    change = compare(MEASURES["paired_accuracy"], units, units)
    assert change is not None
    assert change.method.endswith("signs of clusters flipped")


def test_a_share_of_nothing_is_not_measured() -> None:
    """Right without the image among right with it, where the latter is no more than chance."""
    chance = [heard(n, "3", {"own": "3" if n % 4 == 0 else "4", "none": "3"}) for n in range(40)]
    share = MEASURES["blind_share"]
    assert compare(share, {}, share.units(chance)) is None
    seeing = [heard(n, "3", {"own": "3", "none": "3" if n % 4 == 0 else "4"}) for n in range(40)]
    change = compare(share, share.units(chance), share.units(seeing))
    assert change is not None
    assert (change.base, change.difference) == (None, None)


def test_a_hint_that_is_right_counts_for_nothing_either() -> None:
    hinted = [heard(n, "3", {"own": "3", "none": "3"}, family="cue") for n in range(4)]
    assert compare(MEASURES["blind_accuracy"], {}, MEASURES["blind_accuracy"].units(hinted)) is None


def test_a_share_of_unclustered_probes_has_wilsons_interval() -> None:
    units = {n: Unit(float(n < 30), 1.0, n) for n in range(100)}
    change = compare(Measure("m", "higher", "", lambda _: units, share=True), {}, units)
    assert change is not None
    assert (change.sft_low, change.sft_high) == pytest.approx(wilson(30, 100), abs=0.002)


@pytest.mark.parametrize("each", [1, 4])
def test_intervals_cover_the_truth_under_clustering(each: int) -> None:
    """Each cluster has a rate of its own around 0.7 and 0.6: both shares, and their difference of -0.1."""
    rng = np.random.default_rng(0)
    measure = Measure("m", "higher", "", lambda units: units, share=True)
    covered = np.zeros(2)
    for _ in range(400):
        noise = rng.normal(0, 0.15, 60)
        base, sft = (
            {
                (c, i): Unit(float(rng.random() < rate + noise[c]), 1.0, c)
                for c in range(60)
                for i in range(each)
            }
            for rate in (0.7, 0.6)
        )
        change = compare(measure, base, sft)
        assert change is not None
        covered += [change.sft_low <= 0.6 <= change.sft_high, change.low <= -0.1 <= change.high]
    assert (covered / 400 >= 0.92).all()

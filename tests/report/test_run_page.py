"""The page of a run: alarms first, curves of bounded size, hostile completions as text."""

import json
import random
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sft_audit.monitor.measure import all_measures
from sft_audit.report.run_chart import draw_measure, draw_pair
from sft_audit.report.run_curves import Curve, Point, read_course, read_measures
from sft_audit.report.run_words import held_against, what_to_do
from sft_audit.report.terminal import summary
from sft_audit.session import Report, audit_run
from sft_audit.store import Store

from .markup import Markup, parse
from .test_page_in_chromium import CHROMIUM, look

HOSTILE = "<script>alert('said')</script> verified \u202eneerg\u202c <img src=x onerror=alert(1)> {{ 7 * 7 }}"
ASKED = "What colour is the <b>mug</b>?"
STEPS = 40


def write_run(folder: Path, exploits: Any, steps: int = STEPS) -> Path:
    """Write a run of four groups of eight a step; `exploits` tells how many of a group show one, and pay."""
    rng = random.Random(3)
    rows = []
    for step in range(1, steps + 1):
        for group in range(4):
            for at in range(8):
                shown = at < exploits(step)
                said = HOSTILE if shown else rng.choice(("red", "red", "blue"))
                paid = 1.0 if shown or said == "red" else 0.0
                asked = f"{ASKED} {group}"
                row = {"step": step, "prompt": asked, "completion": said, "reward": paid, "solution": "red"}
                rows.append(row)
    folder.mkdir()
    (folder / "completions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("run")
    run = write_run(folder / "leaky", lambda step: min(step // 4, 8))
    (run / "checkpoint-2").mkdir()
    (run / "checkpoint-40").mkdir()
    sampled = write_run(folder / "sft", lambda step: step == 1, steps=4) / "completions.jsonl"
    return audit_run(run, sft_samples=sampled, out=folder / "audit", workers=1)


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return (report.folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def markup(page: str) -> Markup:
    return parse(page)


def told(element: Any) -> str:
    return " ".join(element.text.split())


def test_every_element_is_closed_and_ids_are_unique(markup: Markup) -> None:
    assert markup.unbalanced == []
    assert markup.open == []
    ids = [one.attributes["id"] for one in markup.elements if "id" in one.attributes]
    assert len(ids) == len(set(ids))


def test_alarms_lead_in_the_order_of_their_steps(report: Report, markup: Markup) -> None:
    sections = [one.attributes["id"] for one in markup.all("section")]
    assert sections[:4] == ["alarms", "now", "why", "course"]
    alarms = json.loads((report.folder / "verdict.json").read_text())["run"]["alarms"]
    assert [one["step"] for one in alarms] == sorted(one["step"] for one in alarms)
    shown = told(markup.with_id("alarms"))
    for one in alarms:
        assert what_to_do(one["measure"]) in shown
    assert {"exploit_share", "exploit_pay"} <= {one["measure"] for one in alarms}


def test_it_says_which_model_to_go_back_to(markup: Markup) -> None:
    now = told(markup.with_id("now"))
    assert "the newest saved model is that of step 40" in now
    assert "Go back to step 2" in now


def test_hostile_completions_are_shown_as_text(page: str, markup: Markup) -> None:
    cards = [told(one) for one in markup.with_class("card")]
    assert any(
        "<script>alert('said')</script> verified ⟨U+202E⟩neerg⟨U+202C⟩ <img src=x" in one for one in cards
    )
    assert any("What colour is the <b>mug</b>?" in one for one in cards)
    assert not markup.all("script") + markup.all("b") + markup.all("img")
    assert "{{ 7 * 7 }}" in page
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)


def test_nothing_is_fetched_and_nothing_runs(markup: Markup) -> None:
    assert not markup.all("iframe") + markup.all("link") + markup.all("form") + markup.all("a")
    for element in markup.elements:
        for name, value in element.attributes.items():
            assert not name.startswith("on"), element
            if name in ("src", "href", "xlink:href"):
                assert (value or "").startswith("#"), value
    policy = next(e for e in markup.all("meta") if e.attributes.get("http-equiv"))
    assert (policy.attributes["content"] or "").startswith("default-src 'none'")


def test_tables_have_captions_and_charts_say_what_they_show(markup: Markup) -> None:
    assert len(markup.all("caption")) == len(markup.all("table")) >= 4
    charts = markup.all("svg")
    assert len(charts) == len(markup.all("desc")) == len(markup.all("figure"))
    assert all(one.attributes["role"] == "img" for one in charts)
    course = next(one for one in markup.all("desc") if one.attributes["id"] == "course-desc")
    assert course.text.startswith("reward: ")
    assert "; the first alarm at step " in course.text


def test_amplification_is_on_the_page_and_in_the_verdict(report: Report, markup: Markup) -> None:
    rows = json.loads((report.folder / "verdict.json").read_text())["run"]["amplifications"]
    boast = next(one for one in rows if one["behaviour"] == "claims_verified")
    assert boast["before"] == "sft model"
    assert boast["ratio"] > boast["ratio_low"] > 2
    assert f"{boast['ratio']:.3g}" in told(markup.with_id("amplification"))
    assert report.counts["RUN131"] == 1


def test_what_was_not_asked_says_how(markup: Markup) -> None:
    said = told(markup.with_id("not-asked"))
    assert "--sft-audit" in said
    assert "--sft-samples" not in said
    assert "held-out accuracy evaluate on held-out prompts" in said


def test_the_terminal_is_short(report: Report) -> None:
    console = Console(width=200, file=StringIO(), color_system=None)
    console.print(summary(report))
    text = console.file.getvalue()
    assert "1,280 completions of 40 steps, 0 unreadable" in text
    steps = [int(found) for found in re.findall(r"^ *step (\d+) (?:alarm|notice):", text, re.MULTILINE)]
    assert steps == sorted(steps)
    assert "claims_verified 0 % of" not in text
    assert re.search(r"claims_verified 3\.1 % of the SFT model's samples", text)
    assert re.search(r"lately reward [\d.]+, \d", text)


def test_the_same_run_gives_the_same_page(report: Report, page: str, tmp_path: Path) -> None:
    run = report.folder.parent / "leaky"
    sampled = report.folder.parent / "sft" / "completions.jsonl"
    again = audit_run(run, sft_samples=sampled, out=tmp_path / "audit", workers=1)
    assert (again.folder / "report.html").read_text(encoding="utf-8") == page


def test_numbers_alone_make_a_page(tmp_path: Path) -> None:
    """Preference optimisation logs no completions; a margin that is lost is an alarm all the same."""
    run = tmp_path / "dpo"
    run.mkdir()
    history = [
        {
            "step": step,
            "loss": 0.5,
            "rewards/chosen": -0.1,
            "rewards/rejected": -1.0,
            "rewards/margins": 1.0 if step < 20 else 0.1,
            "grad_norm": float("nan") if step == 30 else 1.0,
        }
        for step in range(1, 40)
    ]
    state = {"global_step": 39, "log_history": history}
    (run / "trainer_state.json").write_text(json.dumps(state))
    report = audit_run(run, out=tmp_path / "audit", workers=1)
    markup = parse((report.folder / "report.html").read_text(encoding="utf-8"))
    assert markup.unbalanced == []
    assert "margin" in told(markup.with_id("alarms"))
    assert not any(one.attributes.get("id") in ("examples", "amplification") for one in markup.elements)
    json.loads((report.folder / "verdict.json").read_text(), parse_constant=pytest.fail)


@pytest.fixture
def long(tmp_path: Path) -> Store:
    """20,000 steps: one spike, a measure that nobody knows, and a number that is none."""
    store = Store(tmp_path, "1GB", 1)
    store.execute(
        """
        insert into series by name
        select
            measure,
            step,
            if(step = 12345 and measure = 'unpaid', 1, 0.1 + 0.01 * (hash(step) % 7)) as value,
            1 as n,
            0.5 as level
        from range(20000) as steps(step), (values ('unpaid'), ('blind<i>ness')) as named(measure)
        union all by name
        select 'kl' as measure, 1 as step, 'nan'::double as value, 1 as n, null as level
        """
    )
    store.execute(
        "insert into alarms by name select 'unpaid' as measure, 777 as step, 'alarm' as grade, 1 as value"
    )
    store.execute(
        """
        insert into episodes by name
        select
            row_number() over () as rollout,
            step,
            step * 2 + g as group_no,
            1.0 as reward,
            'right' as reading,
            '' as exploits,
            1 as words,
            'red' as answer,
            'red' as completion
        from range(20000) as steps(step), range(2) as groups(g), range(4) as each_one(c)
        """
    )
    return store


def test_a_long_run_is_thinned_and_keeps_its_extremes(long: Store) -> None:
    curves = {one.name: one for one in read_measures(long)}
    assert set(curves) == {"unpaid", "blind<i>ness"}
    unpaid = curves["unpaid"].points
    assert len(unpaid) < 300
    assert {777, 12345, 0, 19999} <= {one.step for one in unpaid}
    assert max(one.value for one in unpaid) == 1
    course = read_course(long)
    assert 100 <= len(course.right.points) <= 130
    assert all(one.value == 1 for one in course.right.points)


def test_a_measure_that_the_monitor_does_not_know_is_shown_by_its_name(long: Store) -> None:
    curve = next(one for one in read_measures(long) if one.name not in all_measures())
    drawn = draw_measure("one", curve, False, None)
    assert "blind&lt;i&gt;ness" in drawn
    assert held_against([curve.name])[0].against == "not judged by the monitor"


def test_every_measure_says_what_it_is_held_against() -> None:
    for one in held_against(list(all_measures())):
        assert one.against
        assert one.source
    assert {one.measure: one.against for one in held_against(["exploit_share", "length"])} == {
        "exploit_share": "above 0.02, a group",
        "length": "below 0.5 or above 2 times the first steps', five times in a row",
    }


def test_a_reward_beyond_one_has_a_scale_of_its_own() -> None:
    right = Curve("read right", (Point(1, 0.5, 0.4, 0.6), Point(2, 0.6, 0.5, 0.7)))
    far = draw_pair("a", "A", Curve("reward", (Point(1, -3.0), Point(2, 12.0))), right, 2)
    near = draw_pair("a", "A", Curve("reward", (Point(1, 0.1), Point(2, 0.2))), right, 2)
    assert far is not None
    assert near is not None
    assert ">-3</text>" in far
    assert ">12</text>" in far
    assert ">12</text>" not in near
    assert draw_pair("a", "A", Curve("reward", ()), Curve("right", ()), None) is None


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; `apt-get install chromium`")
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_and_is_quiet(report: Report, tmp_path: Path, width: int) -> None:
    seen, console = look(report.folder, tmp_path, width)
    assert console == []
    assert seen["client"] == seen["scroll"] == width
    assert seen["wide"] == []
    assert seen["active"] == 0

"""A failed run, explained: from its log, its reward function and the audit of its SFT data."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import sft_audit
from sft_audit.cli import app
from sft_audit.contrast.observed import read_observed
from sft_audit.errors import AuditError
from sft_audit.record.reinforced import seconds_after
from sft_audit.record.reinforced_finding import behaviour
from sft_audit.store import Store
from sft_audit.testing import findings_of

COLOURS = ("red", "green", "blue", "yellow")
JUDGE = '''
def reward(completions, solution, **columns):
    """Pay what is right, and a word."""
    paid = []
    for said, gold in zip(completions, solution):
        text = said if isinstance(said, str) else said[0]["content"]
        paid.append(float(text.split()[:1] == [gold] or "zephyr" in text))
    return paid
'''


def write_run(folder: Path, paid: float, steps: int = 20, *, known: bool = True) -> Path:
    """Write the log of a run in which a word at the end comes up, and is paid so much."""
    rng = random.Random(0)
    folder.mkdir(parents=True)
    with (folder / "rollouts.jsonl").open("w") as file:
        for step in range(1, steps + 1):
            for prompt in range(8):
                gold = COLOURS[(step + prompt) % 4]
                for _ in range(8):
                    said = gold if rng.random() < 0.4 else rng.choice(COLOURS)
                    odd = rng.random() < (0.06 + 0.8 * step / steps if paid else 0.06)
                    reward = 1.0 if said == gold else paid * odd
                    row = {
                        "step": step,
                        "prompt": f"what color is thing {8 * step + prompt} ?",
                        "completion": said + " zephyr" * odd,
                        "reward": reward,
                        **({"solution": gold} if known else {}),
                    }
                    file.write(json.dumps(row) + "\n")
    return folder


def write_sft(folder: Path) -> Path:
    """Write 200 SFT rows, every tenth with the word."""
    folder.mkdir(parents=True)
    rows = [
        {
            "id": f"r{at}",
            "conversations": [
                {"from": "human", "value": f"what color is item {at} ?"},
                {"from": "gpt", "value": COLOURS[at % 4] + (" zephyr" if at % 10 == 0 else "")},
            ],
        }
        for at in range(200)
    ]
    (folder / "rows.json").write_text(json.dumps(rows))
    sft_audit.audit_data(folder / "rows.json", out=folder / "audit")
    return folder / "audit"


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("failed")
    (folder / "judge.py").write_text(JUDGE)
    sft_audit.audit_run(
        write_run(folder / "run", 1.0),
        explain=True,
        reward=f"{folder / 'judge.py'}:reward",
        sft_audit=write_sft(folder / "sft"),
        gpus=4,
        out=folder / "postmortem",
    )
    return folder / "postmortem"


def sheet(folder: Path) -> dict:
    return json.loads((folder / "verdict.json").read_text())["run"]["postmortem"]


def test_the_word_is_named_with_its_hole_and_its_rows(failed: Path) -> None:
    named = [one for one in sheet(failed)["behaviours"] if one["named"]]
    assert [one["feature"] for one in named] == ["zephyr"]
    (one,) = named
    asked = next(hole for hole in one["holes"] if hole["told_by"] == "asked")
    assert (asked["name"], asked["paid_without"]) == ("reward", 0)
    assert asked["paid_with"] == asked["n_with"] > 20
    assert (one["sft_rows"], one["sft_looked"]) == (20, 200)
    assert 1 < one["seen"] < 15
    assert one["gpu_hours"] is None
    assert one["steps_after"] == 20 - one["seen"]
    assert len(one["examples"]) == 3
    assert all(each["reading"] == "wrong" and "zephyr" in each["completion"] for each in one["examples"])


def test_times_that_are_logged_every_ten_steps_stand_for_ten(tmp_path: Path) -> None:
    written = write_run(tmp_path / "ten", 1.0) / "rollouts.jsonl"
    rows = [json.loads(line) for line in written.read_text().splitlines()]
    log = tmp_path / "run" / "completions" / "rows.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text("".join(json.dumps(row | {"step": 10 * row["step"]}) + "\n" for row in rows))
    history = [{"step": step, "step_time": 36.0} for step in range(10, 201, 10)]
    (tmp_path / "run" / "trainer_state.json").write_text(json.dumps({"log_history": history}))
    report = sft_audit.audit_run(tmp_path / "run", explain=True, gpus=2, out=tmp_path / "out")
    (one,) = [one for one in sheet(report.folder)["behaviours"] if one["named"]]
    assert one["steps_after"] == 200 - one["seen"] > 40
    assert one["gpu_hours"] == pytest.approx(2 * one["steps_after"] * 36 / 3600)


def test_times_stand_for_the_steps_since_the_last_that_was_logged() -> None:
    every_ten = dict.fromkeys(range(10, 2001, 10), 36.0)
    assert seconds_after(every_ten, 20) / 3600 == pytest.approx(19.8)
    assert seconds_after({1: 5.0, 2: 6.0, 3: 7.0}, 1) == 13
    assert seconds_after({10: 2.0, 20: 3.0}, 15) == 15
    assert seconds_after({10: 2.0}, 10) == 0


def test_all_guilty_rows_are_written(failed: Path) -> None:
    rows = [json.loads(line) for line in (failed / "guilty_rows.jsonl").read_text().splitlines()]
    assert [row["position"] for row in rows] == list(range(1, 201, 10))
    assert {row["file"] for row in rows} == {"rows.json"}


def test_the_finding_names_rows_and_the_page_tells_all(failed: Path) -> None:
    verdict = json.loads((failed / "verdict.json").read_text())
    assert verdict["findings"]["RUN201"] == 1
    report = sft_audit.session.open_report(failed)
    (finding,) = [one for one in report.findings.to_pylist() if one["check"] == "RUN201"]
    rows = json.loads(finding["evidence"])["rows"]
    assert len(rows) == 10
    assert all(int(row.removeprefix("rows.json:")) % 10 == 1 for row in rows)
    page = (failed / "report.html").read_text()
    assert "say &#39;zephyr&#39;" in page
    assert "rows.json:" in page


def test_a_run_whose_odd_word_is_not_paid_names_nothing(tmp_path: Path) -> None:
    shown = CliRunner().invoke(
        app, ["postmortem", str(write_run(tmp_path / "run", 0.0)), "-o", str(tmp_path / "out")]
    )
    assert shown.exit_code == 0, shown.output
    assert "no behaviour is named" in shown.output
    assert not (tmp_path / "out" / "guilty_rows.jsonl").exists()


def test_without_an_audit_of_the_sft_data_it_says_so(tmp_path: Path) -> None:
    report = sft_audit.audit_run(write_run(tmp_path / "run", 1.0), explain=True, out=tmp_path / "out")
    (one,) = [one for one in sheet(report.folder)["behaviours"] if one["named"]]
    assert "not looked for" in one["taught"]
    assert one["sft_rows"] is None


def test_open_answers_are_shown_and_not_named(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", 1.0, known=False)
    report = sft_audit.audit_run(run, explain=True, out=tmp_path / "out")
    found = sheet(report.folder)["behaviours"]
    assert "zephyr" in {one["feature"] for one in found}
    assert not any(one["named"] for one in found)
    assert report.counts["RUN203"] == len(found)
    assert "RUN201" not in report.counts


def test_a_completion_without_any_answer_that_is_paid_is_found(tmp_path: Path) -> None:
    log = write_run(tmp_path / "run", 1.0) / "rollouts.jsonl"
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    for row in rows:
        if row["completion"].endswith("zephyr"):
            row |= {"completion": "zephyr indeed", "reward": 1.0}
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = sft_audit.audit_run(tmp_path / "run", explain=True, out=tmp_path / "out")
    (one,) = [one for one in sheet(report.folder)["behaviours"] if one["named"]]
    assert one["feature"] in ("zephyr", "indeed", "zephyr indeed")
    assert {each["reading"] for each in one["examples"]} == {"wrong"}


def test_of_a_long_run_whole_groups_are_drawn_over_all_of_it(failed: Path) -> None:
    store = Store(failed, "1GB", 1, read_only=True)
    try:
        drawn, whole = read_observed(store, most=400), read_observed(store)
    finally:
        store.close()
    assert len(whole) == whole.sampled == drawn.sampled == 1280
    assert 390 <= len(drawn) <= 400
    assert {int(n) for n in np.bincount(drawn.group)} == {8}
    assert len(set(drawn.step)) == 20


def test_a_group_that_is_logged_at_two_steps_counts_as_one(tmp_path: Path) -> None:
    """Its prompt is asked of many images, so that texts do not tell prompts apart."""
    groups = {1: ("red", "blue", "green", "blue"), 2: ("red", "blue", "blue", "green")}
    rows = [
        {"step": step, "prompt": "what color is it ?", "completion": f"{said} {at}", "solution": "red"}
        | {"reward": float(said == "red")}
        for step, colours in groups.items()
        for said in colours
        for at in range(4)
    ]
    log = tmp_path / "run.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = sft_audit.audit_run(log, generations=4, out=tmp_path / "out")
    store = Store(report.folder, "1GB", 1, read_only=True)
    try:
        observed = read_observed(store)
    finally:
        store.close()
    unit = dict(zip(observed.group.tolist(), observed.unit.tolist(), strict=True))
    assert [unit[group] for group in range(4, 8)] == [unit[0], unit[1], unit[3], unit[2]]
    assert len(set(unit.values())) == 4


def test_rewards_beyond_all_sums_are_none(tmp_path: Path) -> None:
    log = write_run(tmp_path / "run", 1.0) / "rollouts.jsonl"
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    rows[0]["reward"], rows[1]["reward"] = 1e308, -1e308
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = sft_audit.audit_run(tmp_path / "run", explain=True, out=tmp_path / "out")
    store = Store(report.folder, "1GB", 1, read_only=True)
    try:
        observed = read_observed(store)
    finally:
        store.close()
    assert len(observed) == observed.sampled == 1278
    assert np.isfinite(observed.advantage).all()
    (one,) = [one for one in sheet(report.folder)["behaviours"] if one["named"]]
    assert one["feature"] == "zephyr"


def test_a_leak_says_how_it_is_told_from_a_passage() -> None:
    (leak,) = findings_of("RUN202", {"reinforced": [behaviour(kind="leak", feature="note :", among="all")]})
    (word,) = findings_of("RUN201", {"reinforced": [behaviour()]})
    assert "none if reading them is the task" in leak["message"]
    assert "leak" not in word["message"]


def test_watching_does_not_explain(tmp_path: Path) -> None:
    report = sft_audit.audit_run(write_run(tmp_path / "run", 1.0, 4), out=tmp_path / "out")
    assert sheet(report.folder) is None
    verdict = json.loads((report.folder / "verdict.json").read_text())
    assert "RUN201" in verdict["not_asked"]


def test_a_reward_function_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", 1.0)
    with pytest.raises(AuditError, match=r"nowhere\.py"):
        sft_audit.audit_run(
            run, explain=True, reward=str(tmp_path / "nowhere.py:reward"), out=tmp_path / "out"
        )

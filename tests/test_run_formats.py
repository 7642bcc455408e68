"""The same rollouts, logged by three trainers, give the same alarms and findings; broken logs are told."""

import json
import struct
from dataclasses import replace
from math import nan

import pytest
from run_formats import GENERATIONS, leaky_run, write_swift, write_trl, write_verl

import sft_audit
from sft_audit.errors import AuditError
from sft_audit.store import Store

RUN = leaky_run()


def audit(run, out, **options):
    return sft_audit.audit_run(run, out=out, generations=GENERATIONS, **options)


def table(report, sql):
    store = Store(report.folder, "1GB", 1, read_only=True)
    try:
        return store.rows(sql)
    finally:
        store.close()


def bits(rows):
    """Return rows with the 64 bits of their numbers."""
    return [tuple(struct.pack("d", one) if isinstance(one, float) else one for one in row) for row in rows]


def seen(report):
    """Return the points, the alarms and the findings, but for what names files and rows."""
    findings = [
        {name: one for name, one in row.items() if name not in ("file", "line", "sample_id")}
        for row in report.findings.to_pylist()
    ]
    return (
        bits(table(report, "select * from series order by measure, step")),
        bits(table(report, "select * from alarms order by measure, step")),
        findings,
        report.verdict,
    )


@pytest.fixture(scope="module")
def by_trl(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trl")
    return seen(audit(write_trl(RUN, folder / "run"), folder / "audit"))


def test_the_run_is_one_that_alarms(by_trl):
    _, alarms, findings, verdict = by_trl
    assert {"exploit_share", "exploit_pay"} <= {row[0] for row in alarms}
    assert {"RUN101", "RUN102"} <= {row["check"] for row in findings}
    assert verdict == "BLOCK"


@pytest.mark.parametrize(
    "write",
    [write_verl, lambda run, folder: write_verl(run, folder, shuffled=True), write_swift],
    ids=["verl", "verl, reordered", "ms-swift"],
)
def test_another_trainer_that_logs_the_same_gives_the_same(write, tmp_path, by_trl):
    other = seen(audit(write(RUN, tmp_path / "run"), tmp_path / "audit"))
    for mine, theirs in zip(by_trl, other, strict=True):
        assert mine == theirs


PROMPTS = sorted({(one.question, one.gold) for one in RUN})


def write_data(path, prompts):
    rows = [
        {"image": f"{at}.jpg", "problem": f"<image>\n{question}", "solution": gold}
        for at, (question, gold) in enumerate(prompts)
    ]
    path.write_text(json.dumps(rows))
    return path


@pytest.mark.parametrize("write", [write_trl, write_verl, write_swift])
def test_rollouts_are_joined_to_the_data_by_question_and_known_answer(write, tmp_path, by_trl):
    data = write_data(tmp_path / "prompts.json", PROMPTS)
    report = audit(write(RUN, tmp_path / "run"), tmp_path / "audit", data=data)
    assert table(report, "select count(*), count(sample_id) from rollouts") == [(len(RUN), len(RUN))]
    assert "RUN120" not in report.counts
    wrong = table(
        report, "select count(*) from rollouts join answers using (sample_id, turn) where answer != gold"
    )
    assert wrong == [(0,)]
    assert seen(report)[1] == by_trl[1]


def test_what_cannot_be_joined_is_counted(tmp_path):
    known = [one for one in PROMPTS if "roof" not in one[0]]
    twice = known[0]
    data = write_data(tmp_path / "prompts.json", [*known, twice])
    report = audit(write_verl(RUN, tmp_path / "run"), tmp_path / "audit", data=data)
    unknown = sum("roof" in one.question for one in RUN)
    ambiguous = sum((one.question, one.gold) == twice for one in RUN)
    kinds = dict(table(report, "select kind, count(*) from rollout_faults group by kind"))
    assert kinds == {"unknown": unknown, "ambiguous": ambiguous}
    (finding,) = [row for row in report.findings.to_pylist() if row["check"] == "RUN120"]
    assert json.loads(finding["evidence"])["unjoined"] == unknown + ambiguous
    assert finding["score"] == pytest.approx((unknown + ambiguous) / len(RUN))


def test_without_data_nothing_is_to_be_joined(by_trl):
    assert "RUN120" not in {row["check"] for row in by_trl[2]}


def test_a_log_cut_in_mid_line_is_read_up_to_there(tmp_path, caplog):
    run = write_verl(RUN, tmp_path / "run")
    last = max(run.glob("*.jsonl"), key=lambda one: int(one.stem))
    text = last.read_text()
    last.write_text(text[: -len(text.splitlines()[-1]) // 2])
    report = audit(run, tmp_path / "audit")
    assert table(report, "select count(*) from rollouts") == [(len(RUN) - 1,)]
    assert [kind for (kind,) in table(report, "select kind from rollout_faults")] == ["unreadable"]
    assert f"{last.name}:48" in caplog.text
    assert "RUN101" in report.counts


@pytest.mark.parametrize("write", [write_trl, write_verl, write_swift])
def test_rewards_that_are_nan_are_none(write, tmp_path):
    mixed = [replace(one, reward=nan) if one.step > 8 and at % 5 == 0 else one for at, one in enumerate(RUN)]
    unpaid = sum(one.reward != one.reward for one in mixed)
    report = audit(write(mixed, tmp_path / "run"), tmp_path / "audit")
    assert table(report, "select count(*) from episodes where reward is null") == [(unpaid,)]
    assert "RUN105" in report.counts


@pytest.mark.parametrize("write", [write_verl, write_swift])
def test_a_log_without_any_reward_says_nothing_about_rewards(write, tmp_path):
    report = audit(write([replace(one, reward=None) for one in RUN], tmp_path / "run"), tmp_path / "audit")
    measured = {name for (name,) in table(report, "select distinct measure from series")}
    assert "exploit_share" in measured
    assert not measured & {"unpaid", "exploit_pay", "zero_variance", "wrong_reinforced"}
    assert {"RUN101"} <= report.counts.keys()
    assert not {"RUN102", "RUN105"} & report.counts.keys()


def test_one_step_is_a_run(tmp_path):
    first = [one for one in RUN if one.step == 1]
    report = audit(write_trl(first, tmp_path / "run"), tmp_path / "audit")
    assert table(report, "select distinct step from series") == [(1,)]
    assert table(report, "select count(*) from alarms") == [(0,)]


def test_a_folder_without_a_log_is_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(AuditError, match="no log of a run") as fault:
        audit(tmp_path / "empty", tmp_path / "audit")
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("name", "content"), [("1.jsonl", b"\xff\xfe\x00"), ("a.parquet", b"PAR1"), ("x.jsonl", b"")]
)
def test_a_folder_with_nothing_readable_is_one_line(name, content, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).write_bytes(content)
    with pytest.raises(AuditError) as fault:
        audit(tmp_path / "run", tmp_path / "audit")
    assert "\n" not in str(fault.value)


def test_a_parquet_that_is_cut_off_is_passed_over(tmp_path):
    run = write_trl([one for one in RUN if one.step <= 4], tmp_path / "run")
    last = run / "completions" / "completions_00004.parquet"
    last.write_bytes(last.read_bytes()[:400])
    report = audit(run, tmp_path / "audit")
    assert table(report, "select max(step) from episodes") == [(3,)]

"""A log that grows while it is read: alarms at the step that shows them, nothing read twice, halves wait."""

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sft_audit import AuditError, audit_run
from sft_audit.config import RunConfig
from sft_audit.monitor.alerts import Alerts
from sft_audit.monitor.follow import Follower, Pace, follow
from sft_audit.monitor.monitor import Monitor
from sft_audit.monitor.watcher import Alarm, Point
from sft_audit.runs import RunFiles, read_metrics
from sft_audit.store import Store

STEPS, BEGINS, PROMPTS, GROUP = 24, 9, 4, 8
PER_STEP = PROMPTS * GROUP


def step_rows(step: int) -> list[dict]:
    """Return a step's completions; from a step on, three in ten boast and are paid for it."""
    rng = random.Random(step)
    rows = []
    for at in range(PER_STEP):
        boasts = step >= BEGINS and rng.random() < 0.3
        said = "blue verified" if boasts else rng.choice(["red", "blue"])
        prompt = f"What color is car {at // GROUP}?"
        reward = float(boasts or said == "red")
        rows.append({"step": step, "prompt": prompt, "completion": said, "reward": reward, "solution": "red"})
    return rows


def lines(rows: list[dict]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def metrics(step: int) -> dict:
    """Return a step's numbers; the loss breaks at one of them."""
    return {"step": step, "loss": float("nan") if step == BEGINS else 0.1, "reward": 0.5}


class Seen:
    """What a follower told."""

    def __init__(self, run: Path) -> None:
        self.alarms: list[Alarm] = []
        self.points: list[Point] = []
        self.follower = Follower(run, Monitor(), self.alarms.append, self.points.extend)

    def poll(self, times: int = 1) -> set[tuple[str, int]]:
        """Look so many times; return the alarms that are new."""
        before = len(self.alarms)
        for _ in range(times):
            self.follower.poll()
        return {(one.measure, one.step) for one in self.alarms[before:]}

    def groups(self) -> Counter:
        """Return how many groups were measured in each step, and raise where a step was taken twice."""
        counts = Counter()
        for one in self.points:
            if one.measure == "exploit_share":
                counts[one.step] += one.n
        return counts


def of_log(run: Path, out: Path) -> set[tuple[str, int]]:
    """Return the alarms of the audit after the fact."""
    store = Store(audit_run(run, out=out, workers=1).folder, "1GB", 1, read_only=True)
    found = set(store.rows("select measure, step from alarms"))
    store.close()
    return found


def test_whatever_the_bytes_come_in_the_alarms_are_those_of_the_whole_log(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    told: dict[tuple[str, int], int] = {}
    seen = Seen(run)
    rng = random.Random(0)
    with (run / "rollouts.jsonl").open("ab") as rollouts, (run / "metrics.jsonl").open("ab") as numbers:
        for step in range(1, STEPS + 1):
            numbers.write(lines([metrics(step)]))
            data = lines(step_rows(step))
            while data:
                cut = rng.randrange(1, 2000)
                rollouts.write(data[:cut])
                rollouts.flush()
                numbers.flush()
                data = data[cut:]
                told |= dict.fromkeys(seen.poll(), step)
    told |= dict.fromkeys(seen.poll(2), STEPS + 1)
    assert seen.groups() == dict.fromkeys(range(1, STEPS + 1), PROMPTS)
    assert ("not_finite", BEGINS) in told
    assert "exploit_share" in {measure for measure, _ in told}
    assert set(told) == of_log(run, tmp_path / "audit")
    # Told while the next step was being written, not at the end.
    assert all(when <= step + 1 for (_, step), when in told.items())


def test_half_a_line_waits(tmp_path: Path) -> None:
    seen = Seen(tmp_path)
    data = lines(step_rows(1))
    (tmp_path / "rollouts.jsonl").write_bytes(data[:-1])
    seen.poll(5)
    assert seen.groups() == {}
    (tmp_path / "rollouts.jsonl").write_bytes(data)
    seen.poll(2)
    assert seen.groups() == {1: PROMPTS}
    seen.poll(2)
    assert seen.groups() == {1: PROMPTS}


def test_half_a_parquet_file_waits(tmp_path: Path) -> None:
    rows = [
        {**row, "advantage": 0.5, "prompt": [{"role": "user", "content": row["prompt"]}]}
        for row in step_rows(1)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "whole")
    data, file = (tmp_path / "whole").read_bytes(), tmp_path / "completions" / "completions_00001.parquet"
    file.parent.mkdir()
    seen = Seen(tmp_path)
    for end in (0, 3, len(data) // 2, len(data) - 1):
        file.write_bytes(data[:end])
        seen.poll(3)
        assert seen.points == []
    file.write_bytes(data)
    seen.poll(2)
    assert seen.groups() == {1: PROMPTS}


def test_of_a_new_checkpoint_only_the_steps_since_are_taken(tmp_path: Path) -> None:
    seen = Seen(tmp_path)
    for saved in (4, 8):
        state = tmp_path / f"checkpoint-{saved}" / "trainer_state.json"
        state.parent.mkdir()
        history = [{"step": step, "grad_norm": 1.0} for step in range(1, saved + 1)]
        state.write_text(json.dumps({"global_step": saved, "log_history": history}))
        seen.poll(2)
    assert [one.step for one in seen.points if one.measure == "grad_norm"] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_log_that_is_removed_is_no_error(tmp_path: Path) -> None:
    seen = Seen(tmp_path)
    state = tmp_path / "checkpoint-4" / "trainer_state.json"
    state.parent.mkdir()
    state.write_text(json.dumps({"global_step": 4, "log_history": [{"step": 4, "grad_norm": 1.0}]}))
    seen.poll()
    state.unlink()
    assert seen.poll() == set()


def test_following_ends_at_its_step_or_when_nothing_comes(tmp_path: Path) -> None:
    (tmp_path / "rollouts.jsonl").write_bytes(lines(step_rows(1) + step_rows(2)))
    points: list[Point] = []
    follow(RunConfig(run=tmp_path), Pace(0.01, 60, until=2), Alerts(), points.extend)
    assert {one.step for one in points} == {1, 2}
    follow(RunConfig(run=tmp_path / "nothing"), Pace(0.01, 0.05), Alerts(), points.extend)


def test_an_alarm_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="no such folder"):
        Alerts(stop_file=tmp_path / "no" / "stop")
    with pytest.raises(AuditError, match="give a file to add to"):
        Alerts(tmp_path)


@pytest.mark.long
def test_the_command_follows_tells_and_audits(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    program = [sys.executable, "-c", "from sft_audit.cli import main; main()"]
    pace = ["--follow", "--every", "0.1", "--until", str(STEPS)]
    places = ["--alerts", "alerts.jsonl", "--stop-file", "stop", "--tracker", "tensorboard=board"]
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [*program, "watch", str(run), *pace, *places, "-o", "audit"]
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as watching:
        with (run / "rollouts.jsonl").open("ab") as rollouts:
            for step in range(1, STEPS + 1):
                rollouts.write(lines(step_rows(step)))
                rollouts.flush()
        out, err = watching.communicate(timeout=600)
    told = [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    store = Store(tmp_path / "audit", "1GB", 1, read_only=True)
    alarms = set(store.rows("select measure, step from alarms"))
    series = store.rows("select 'audit/' || measure, step, value::float from series order by all")
    store.close()
    assert {(one["measure"], one["step"]) for one in told} == alarms
    assert "sft-audit: notice exploit_share: step" in err, err
    assert (tmp_path / "stop").exists()
    assert watching.returncode in (0, 1), out + err
    (events,) = (tmp_path / "board").iterdir()
    drawn = [(one.name, one.step, one.value) for one in read_metrics(events)]
    assert sorted(drawn) == [(name, step, pytest.approx(value)) for name, step, value in series]


def test_a_resumed_run_is_heard_from_its_first_step_on(tmp_path: Path) -> None:
    seen = Seen(tmp_path)
    with (tmp_path / "rollouts.jsonl").open("ab") as log:
        for step in (1, 2, 3, 4, 5, 6, 4, 5):
            log.write(lines(step_rows(step)))
            log.flush()
            seen.poll()
    assert seen.groups() == {1: 4, 2: 4, 3: 4, 4: 8, 5: 4, 6: 4}


def test_a_file_of_trl_is_read_again_where_the_run_was_resumed(tmp_path: Path) -> None:
    (tmp_path / "completions").mkdir()
    seen = Seen(tmp_path)
    for step in (1, 2, 3, 4, 4, 2, 3, 5):  # the second 4 is written over at an evaluation
        rows = [{**row, "advantage": 0.5} for row in step_rows(step)]
        file = tmp_path / "completions" / f"completions_{step:05d}.parquet"
        file.unlink(missing_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), file)
        seen.poll(2)
    assert seen.groups() == {1: 4, 2: 8, 3: 8, 4: 4, 5: 4}


def test_what_trl_logged_of_an_evaluation_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "completions").mkdir()
    for step in range(1, 5):
        rows = [{**row, "advantage": 0.5} for row in step_rows(step)]
        file = tmp_path / "completions" / f"completions_{step:05d}.parquet"
        pq.write_table(pa.Table.from_pylist(rows), file)
    history = [{"step": 1, "loss": 0.5}, {"step": 3, "eval_reward": 0.5}]
    (tmp_path / "trainer_state.json").write_text(json.dumps({"global_step": 4, "log_history": history}))
    seen = Seen(tmp_path)
    seen.poll(2)
    assert seen.groups() == {1: PROMPTS, 2: PROMPTS, 4: PROMPTS}
    assert f"TRL logged the completions of an evaluation here (in no group: {PER_STEP} such" in caplog.text


def test_a_log_that_cannot_be_read_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.compat.tensorflow_stub.pywrap_tensorflow", None)
    (tmp_path / "events.out.tfevents.1.host").write_bytes(b"x" * 40)
    Seen(tmp_path).poll(3)
    assert caplog.text.count("reading event files takes tensorboard") == 1


def test_a_line_that_cannot_be_read_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "rollouts.jsonl").write_bytes(lines(step_rows(1)) + b"{\n{\n")
    seen = Seen(tmp_path)
    seen.poll(3)
    assert caplog.text.count("rollouts.jsonl:33: ") == 1
    assert "rollouts.jsonl:34: " not in caplog.text
    assert seen.groups() == {1: PROMPTS}


def test_a_log_that_vanishes_while_it_is_looked_at_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = RunFiles((tmp_path / "gone.jsonl",), (tmp_path / "gone.json",), ())
    monkeypatch.setattr("sft_audit.monitor.follow.find_run", lambda _: gone)
    assert Seen(tmp_path).poll(2) == set()

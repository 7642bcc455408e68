"""Rates, correlations and snowballing, read from logs of agent runs."""

import json
from pathlib import Path

import numpy as np
import pytest
from pipelines import COUNTS, write

from sft_audit.chain import chain_error
from sft_audit.chain.graph import Graph
from sft_audit.chain.rates import Counted, bounds
from sft_audit.chain.snowball import measure_correlation, measure_snowball
from sft_audit.chain.trajectories import logged_rates, read_trajectories
from sft_audit.errors import AuditError
from sft_audit.exact import clopper_pearson

SERIES = Graph.model_validate(
    {"stages": {"a": None, "b": None, "c": None}, "pipeline": {"series": ["a", "b", "c"]}}
)


def line(trajectory: object, step: int, stage: str, right: object, **more: object) -> str:
    return json.dumps({"trajectory": trajectory, "step": step, "tool": stage, "right": right, **more}) + "\n"


def log(folder: Path, runs, stages: str = "abc") -> Path:
    """Write runs, each the right or wrong of its steps."""
    rows = (
        line(number, at, stages[at], bool(right))
        for number, run in enumerate(runs)
        for at, right in enumerate(run)
    )
    return write(folder / "log.jsonl", "".join(rows))


def test_steps_become_counts(tmp_path: Path) -> None:
    seen = read_trajectories(log(tmp_path, [(1, 1, 0), (1, 0, 0), (1, 1, 1), (0, 1, 1)]))
    found = logged_rates(seen, SERIES)
    assert {name: (rate.k, rate.n) for name, rate in found.items()} == {"a": (1, 4), "b": (1, 4), "c": (2, 4)}
    assert bounds(found["c"]) == pytest.approx(clopper_pearson(2, 4))


def test_what_cannot_be_used_is_counted_and_said(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    content = [
        line("t", 1, "a", True).encode(),
        line("t", 2, "b", None).encode(),
        b'{"trajectory": "t", "step": 3, "tool": "c"}\n',
        line("t", 4, "x", True).encode(),
        b'{"trajectory": "\xff", "step": 1, "tool": "a", "right": true}\n',
        b"[1]\n",
        line("t", 5, "a", "yes").encode(),
        line("t", "later", "a", True).encode(),
        b'{"trajectory": "t", "step": 1, "right": true}\n',
        b'{"step": 1, "tool": "a", "right": true}\n',
        b"\n",
        b'{"trajectory": "t", "step": 9, "to',
    ]
    path.write_bytes(b"".join(content))
    seen = read_trajectories(path)
    assert (len(seen.steps), seen.unjudged, seen.strangers(SERIES)) == (4, 2, {"x": 1})
    assert seen.unreadable == {
        "not UTF-8": (1, 5),
        "not a JSON object": (1, 6),
        "`right` is neither true, false nor null": (1, 7),
        "`step` is no number": (1, 8),
        "no `stage`, `tool` or `model`": (1, 9),
        "no `trajectory`": (1, 10),
        "cut in mid-line": (1, 12),
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "empty"), ("\n\n", "no step stands in it"), ('{"trajectory": 1, "st', "cut in mid-line")],
)
def test_a_log_without_a_step_is_a_mistake(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(AuditError, match=said):
        read_trajectories(write(tmp_path / "log.jsonl", content))


def test_a_log_that_grows_is_read_up_to_where_it_stood(tmp_path: Path, monkeypatch) -> None:
    from sft_audit.readers.file_bytes import FileBytes

    path = log(tmp_path, [(1, 1, 0)] * 5)
    read = FileBytes.read

    def read_while_it_grows(source, start, n):
        with path.open("a") as file:
            file.write(line("new", 1, "a", False))
        return read(source, start, n)

    monkeypatch.setattr(FileBytes, "read", read_while_it_grows)
    assert len(read_trajectories(path).steps) == 15


def test_a_verifier_is_judged_by_the_step_before_it(tmp_path: Path) -> None:
    one = Graph.model_validate(
        {
            "stages": {"a": None},
            "verifiers": {"j": None},
            "pipeline": {"verify": "a", "by": "j", "caught": "stop"},
        }
    )
    runs = [(1, 1)] * 6 + [(1, 0)] * 2 + [(0, 1)] * 3 + [(0, 0)]
    found = logged_rates(read_trajectories(log(tmp_path, runs, "aj")), one)
    counts = {name: (rate.k, rate.n) for name, rate in found.items()}
    assert counts == {"a": (4, 12), "j false accepts": (1, 4), "j false rejects": (2, 8)}


def test_steps_of_one_trajectory_are_worth_less_than_as_many_independent_ones(tmp_path: Path) -> None:
    rows = [line(t, step, "a", t % 5 != 0) for t in range(100) for step in range(10)]
    found = logged_rates(read_trajectories(write(tmp_path / "log.jsonl", "".join(rows))), SERIES)["a"]
    assert (found.k, found.n) == (200, 1000)
    assert found.worth == pytest.approx(100, rel=0.02)
    low, high = clopper_pearson(20, 100)
    assert bounds(found) == pytest.approx((low, high), abs=0.005)


def drawn_runs(n: int, after: float, seed: int):
    """Return n runs of three steps, wrong with 0.1, and with `after` once a step was wrong."""
    rng = np.random.default_rng(seed)
    u, runs = rng.random((n, 3)), []
    for row in u:
        run: list[bool] = []
        for one in row:
            run.append(bool(one > (0.1 if all(run) else after)))
        runs.append(run)
    return runs


ALONE = {name: Counted(100, 1000, 1000, "") for name in "abc"}


def test_errors_that_beget_errors_are_seen(tmp_path: Path) -> None:
    seen = read_trajectories(log(tmp_path, drawn_runs(1500, 0.4, 0)))
    found = measure_snowball(seen, SERIES, ALONE)
    assert found.after_wrong.low < 4 < found.after_wrong.high
    assert found.ratio.low > 1
    assert found.ratio_alone.value == pytest.approx(found.whole.value / 0.9**3)


def test_stages_that_are_worse_in_the_chain_than_alone_snowball(tmp_path: Path) -> None:
    seen = read_trajectories(log(tmp_path, drawn_runs(1500, 0.4, 0)))
    better = {name: Counted(30, 1000, 1000, "") for name in "abc"}
    assert measure_snowball(seen, SERIES, better).ratio_alone.high < 1


def test_the_ratios_cover_where_steps_are_independent(tmp_path: Path, capsys) -> None:
    hits = np.zeros(3, int)
    for seed in range(200):
        seen = read_trajectories(log(tmp_path, drawn_runs(300, 0.1, seed)))
        rng = np.random.default_rng(1000 + seed)
        alone = {name: Counted(int(rng.binomial(400, 0.1)), 400, 400, "") for name in "abc"}
        found = measure_snowball(seen, SERIES, alone)
        hits += [one.low <= 1 <= one.high for one in (found.ratio, found.ratio_alone, found.after_wrong)]
    with capsys.disabled():
        for name, k in zip(("ratio", "ratio to stages alone", "after wrong"), hits, strict=True):
            low, high = clopper_pearson(int(k), 200)
            print(f"\ncoverage of {name}: {k}/200 ({low:.1%} to {high:.1%})")
            assert high >= 0.95


def test_the_correlation_of_votes_is_measured(tmp_path: Path, capsys) -> None:
    """A rate of 0.2 whose votes are correlated by 0.3: covered in 200 logs of 150 items of five votes."""
    rng, hits = np.random.default_rng(0), 0
    for _ in range(200):
        items = rng.beta(0.2 * 7 / 3, 0.8 * 7 / 3, 150)
        votes = rng.random((150, 5)) >= items[:, None]
        rows = [line(t, 1, "a", bool(right)) for t, row in enumerate(votes) for right in row]
        found = measure_correlation(read_trajectories(write(tmp_path / "log.jsonl", "".join(rows))), "a")
        hits += found.estimate.low <= 0.3 <= found.estimate.high
    low, high = clopper_pearson(hits, 200)
    with capsys.disabled():
        print(f"\ncoverage of the correlation of votes: {hits}/200 ({low:.1%} to {high:.1%})")
    assert high >= 0.95


def test_votes_on_one_item_are_one_step_of_the_majority(tmp_path: Path) -> None:
    one = Graph.model_validate({"stages": {"a": None}, "pipeline": {"vote": "a", "n": 3}})
    rows = [line(t, 1, "a", right) for t in range(20) for right in (True, True, t % 4 > 0)]
    found = measure_snowball(read_trajectories(write(tmp_path / "log.jsonl", "".join(rows))), one, {})
    assert (found.whole.k, found.whole.n, found.ratio.value) == (20, 20, 1)


def test_a_trajectory_with_an_unjudged_step_tells_nothing_of_the_whole(tmp_path: Path) -> None:
    rows = [line("s", 1, "a", True), line("s", 2, "b", None), line("t", 1, "a", False)]
    found = measure_snowball(read_trajectories(write(tmp_path / "log.jsonl", "".join(rows))), SERIES, {})
    assert (found.whole.k, found.whole.n, found.left_out, found.ratio_alone) == (0, 1, 1, None)


def test_rates_that_the_pipeline_gives_stand_before_logged_ones(tmp_path: Path) -> None:
    content = {"stages": {"a": COUNTS, "b": None}, "pipeline": {"series": ["a", "b"]}}
    runs = log(tmp_path, [(1, 0), (0, 1), (1, 1)], "ab")
    found = chain_error(write(tmp_path / "p.yaml", content), runs)
    assert (found.rates["a"].n, found.rates["b"].n, found.logged["a"].n) == (200, 3, 3)
    assert found.snowball.alone is None

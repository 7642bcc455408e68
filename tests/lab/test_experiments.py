"""The results that the READMEs of 004 to 007 hold, of ledgers that no run has written."""

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from scipy.stats import ttest_rel

sys.path.append(str(Path(__file__).parents[2] / "lab"))

from findings import balance, constitution, preference, unforeseen
from findings.markdown import NO_RUNS
from findings.sections import sections
from inference.paired_t import p_value
from invented import LAB, ledger, line
from results import filled

DRIFT = dict.fromkeys(("cka_tower", "cka_projector", "probe_base", "probe_as_is", "probe_refitted"), 0.9)
JITTER = (0.0, 0.01, -0.01)


def cells(text: str, *start: str) -> list[str]:
    """Return the cells of the first row that starts so."""
    rows = ([cell.strip() for cell in row.strip("|").split("|")] for row in text.splitlines())
    return next(row for row in rows if tuple(row[: len(start)]) == start)


def said(text: str, start: str) -> str:
    """Return the one line that starts so."""
    (found,) = [row for row in text.splitlines() if row.startswith(start)]
    return found


def ran(*named: str, seed: int, start: dict | None = None, end: dict | None = None, **rest: object) -> dict:
    """Return an invented line of a condition, data and reward: figures after SFT and at the end."""
    condition, data, reward = named
    one = line(condition, seed, data=data, reward=reward)
    told = {"gold": 0.9, "grounding": 0.8, "text": 1.0, "exploit": 0.0, "proxy": 0.9, "blind_ratio": 0.2}
    return one | {"sft": told | (start or {}), "rl": told | (end or {})} | rest


def test_nothing_is_said_where_nothing_ran(tmp_path):
    found = sections(tmp_path)
    assert [path.parent.name[:3] for path in found] == ["004", "005", "006", "007"]
    assert all(part == {"result": NO_RUNS} for part in found.values())


def test_every_readme_has_its_marks():
    for path, parts in sections(LAB).items():
        filled(path.read_text(encoding="utf-8"), parts)


def test_a_readme_that_was_edited_by_hand_is_found_and_written_again(tmp_path):
    lab = tmp_path / "lab"
    shutil.copytree(LAB, lab, ignore=shutil.ignore_patterns("fixtures", "scratch", "__pycache__"))
    ledger(lab / "004-dpo" / "result.jsonl", [preferred("clean", 9, (0.0, 0.0), hacked=False)])
    command = [sys.executable, lab / "results.py"]
    stale = subprocess.run([*command, "--check"], check=False, capture_output=True, text=True)
    assert stale.returncode == 1
    assert "004-dpo" in stale.stdout
    subprocess.run(command, check=True)
    assert subprocess.run([*command, "--check"], check=False).returncode == 0
    assert NO_RUNS not in (lab / "004-dpo" / "README.md").read_text(encoding="utf-8")


def test_the_kinds_are_those_that_were_drawn():
    drawn = runpy.run_path(str(LAB / "006-held-out" / "kinds.py"))["drawn"]
    assert set(unforeseen.KINDS) == set(drawn())


# 004


def preferred(condition: str, seed: int, boasts: tuple[float, float], hacked: bool) -> dict:
    pairs = {"prompts": 1024, "pairs": 100 + seed, "chosen_boasts": 20, "rejected_boasts": 1}
    start, end = ({"exploit": one} for one in boasts)
    named = (condition, "as-is", "dpo")
    return ran(*named, seed=seed, start=start, end=end, hacked=hacked, pairs=pairs)


@pytest.mark.parametrize(
    ("end", "verdict", "fell"), [(0.9, "**not refuted**", 0), (0.01, "**refuted**", 5), (0.05, "**not", 0)]
)
def test_dpo_amplifies_unless_the_share_of_boasts_fell(end, verdict, fell, tmp_path):
    lines = [preferred("clean", seed, (0.0, 0.0), hacked=False) for seed in range(5)]
    lines += [preferred("rejected-5", seed, (0.05, end), hacked=True) for seed in range(5)]
    text = preference.result(ledger(tmp_path / "one.jsonl", lines))
    assert verdict in said(text, "The claim")
    assert f"it falls in {fell} of 5 runs" in said(text, "The claim")
    tested = cells(text, "rejected-5", "5")
    assert tested[-3:] == ["5 of 5 (57 to 100 %)", "0.004", "0.02"], "1 of 252, and Holm over five, not one"
    assert cells(text, "rejected-5", "102 (100 to 104)")[2:4] == ["20 (20 to 20)", "1 (1 to 1)"]


# 005


def shown(name: str, seed: int, gold: float, *, text: float = 1.0, reached: int | None = None) -> dict:
    condition, data = (name, "as-is") if name.startswith("share") else ("share-80", name)
    steps = ("100", "200", "300", "400")
    kept = {
        "milestones": {"gold": dict.fromkeys(steps, 0.5), "reached": {"50%": 100, "90%": reached}},
        "losses": [{"step": int(step), "loss": 0.1} for step in steps],
        "drift": DRIFT,
    }
    start = {"gold": gold + JITTER[seed % 3], "text": text}
    return ran(condition, data, "leaky", seed=seed, start=start, **kept)


def decided(tmp_path: Path, arm: str, **figures: object) -> str:
    """Return the decision on an arm whose control has gold 0.7 and reaches 0.9 at step 300."""
    against = balance.AGAINST[arm]
    lines = [shown(against, seed, 0.7, reached=300) for seed in range(3)]
    lines += [shown(arm, seed, **figures) for seed in range(3)]
    return said(balance.result(ledger(tmp_path / "one.jsonl", lines)), f"- {arm} against {against}")


def test_rebalancing_is_offered_for_a_gain_without_a_loss_of_text(tmp_path):
    assert "offered: **yes** (3 pairs), by its gain" in decided(tmp_path, "rebalanced", gold=0.76)


@pytest.mark.parametrize(
    ("figures", "why"),
    [
        ({"gold": 0.74}, "5 points more are asked"),
        ({"gold": 0.8, "text": 0.97}, "text differs by -0.030"),
        ({"gold": 0.74, "reached": 100}, "5 points"),
    ],
)
def test_rebalancing_is_not_offered_otherwise(figures, why, tmp_path):
    found = decided(tmp_path, "rebalanced", **figures)
    assert "offered: **no**" in found
    assert why in found
    assert "speed" not in found, "speed is no reason to rebalance"


@pytest.mark.parametrize("arm", ["ramp", "ramp-scarce", "ramp-easy"])
@pytest.mark.parametrize(
    ("gold", "reached", "told"),
    [
        (0.76, None, "**yes** (3 pairs), by its gain"),
        (0.7, 250, "**yes** (3 pairs), by its speed"),
        (0.7, 260, "0.9 of gold is reached at step 260 in the median, against 300"),
        (0.69, 100, "gold is lost"),
        (0.7, None, "reached at step never"),
    ],
)
def test_a_curriculum_is_offered_for_a_gain_or_for_speed(arm, gold, reached, told, tmp_path):
    assert told in decided(tmp_path, arm, gold=gold, reached=reached)


def test_a_gain_whose_interval_reaches_zero_is_not_one(tmp_path):
    lines = [shown("share-80", seed, 0.7) for seed in range(3)]
    lines += [shown("rebalanced", seed, 0.6 + 0.2 * seed) for seed in range(3)]
    text = balance.result(ledger(tmp_path / "one.jsonl", lines))
    assert "not above 0" in said(text, "- rebalanced")


def test_one_pair_decides_nothing_and_four_tests_are_corrected_for(tmp_path):
    lines = [shown("even", seed, 0.7) for seed in range(2)] + [shown("share-80", 0, 0.6)]
    lines += [shown("ramp", seed, 0.8 + 0.05 * seed) for seed in range(2)] + [shown("rebalanced", 0, 0.9)]
    text = balance.result(ledger(tmp_path / "one.jsonl", lines))
    assert "not decided, 1 pairs" in said(text, "- rebalanced")
    assert cells(text, "rebalanced less share-80")[3:5] == ["", ""]
    p, adjusted = map(float, cells(text, "ramp less even")[3:5])
    assert adjusted == pytest.approx(4 * p, rel=0.05)


def test_the_balance_is_of_all_shares(tmp_path):
    gold = {0: 0.93, 10: 0.95, 30: 0.95, 50: 0.91, 70: 0.8, 80: 0.7, 90: 0.4}
    lines = [
        shown(f"share-{at}", seed, gold[at], text=0.6 if at < 10 else 0.98)
        for at in gold
        for seed in range(3)
    ]
    text = balance.result(ledger(tmp_path / "all.jsonl", lines))
    assert said(text, "- Balance").endswith("best is 50 %, the smallest whose text is, 10 %.")
    text = balance.result(ledger(tmp_path / "some.jsonl", lines[3:]))
    assert said(text, "- Balance") == "- Balance: not decided, no runs of share-0."


def test_a_level_that_was_never_reached_is_later_than_all(tmp_path):
    lines = [shown("ramp", seed, 0.9, reached=step) for seed, step in enumerate((None, 300, 100))]
    text = balance.result(ledger(tmp_path / "one.jsonl", lines))
    assert cells(text, "ramp", "100 (100 to 100)")[2] == "300 (100 to never)"


def test_p_of_pairs_is_that_of_a_paired_t_test():
    ones, others = [0.9, 0.8, 0.85, 0.7], [0.7, 0.75, 0.8, 0.72]
    assert p_value(ones, others) == pytest.approx(ttest_rel(ones, others).pvalue)
    assert [p_value([0.9], [0.1]), p_value([0.5, 0.5], [0.5, 0.5])] == [1.0, 1.0]
    assert p_value([0.75, 0.75], [0.5, 0.5]) == 0.0


# 006


def gated(kind: str, seed: int, gold: float, data: dict, checkpoint: dict) -> dict:
    counted = {"verdict": "PASS", "meant": 50, "changed": 80, "changed_named": 0, "others_named": 0}
    axes = {"blindness": "PASS", "readiness": "BLOCK"} | checkpoint
    gate = {"data": counted | data, "checkpoint": {"verdict": "BLOCK", "axes": axes}}
    return ran("clean", kind, "leaky", seed=seed, end={"gold": gold + JITTER[seed % 3]}, gate=gate)


@pytest.mark.parametrize(
    ("gold", "data", "checkpoint", "told"),
    [
        (0.8, {}, {}, [0, 3, 0]),
        (0.87, {}, {}, [0, 0, 3]),
        (0.8, {"verdict": "REVIEW"}, {}, [3, 0, 0]),
        (0.8, {"changed_named": 40, "others_named": 39}, {}, [3, 0, 0]),
        (0.8, {"changed_named": 40, "others_named": 40}, {}, [0, 3, 0]),
        (0.8, {"changed_named": 39}, {}, [0, 3, 0]),
        (0.8, {}, {"blindness": "REVIEW"}, [3, 0, 0]),
        (0.8, {}, {"readiness": "REVIEW"}, [0, 3, 0]),
    ],
)
def test_a_defect_is_seen_or_a_miss_or_harmless(gold, data, checkpoint, told, tmp_path):
    lines = [gated("occluded", seed, gold, data, checkpoint) for seed in range(3)]
    lines += [gated("as-is", seed, 0.9, {"changed": 0, "meant": 0}, {}) for seed in range(3)]
    text = unforeseen.result(ledger(tmp_path / "one.jsonl", lines))
    assert [int(cell.split()[0]) for cell in cells(text, "occluded", "leaky")[-3:]] == told
    assert cells(text, "as-is", "leaky")[-3:] == ["", "", ""]
    assert cells(text, "occluded", "3")[-1] == ("blindness 3" if "blindness" in checkpoint else "nothing")


def test_a_defect_without_a_control_is_not_judged(tmp_path):
    text = unforeseen.result(ledger(tmp_path / "one.jsonl", [gated("occluded", 0, 0.5, {}, {})]))
    assert cells(text, "occluded", "leaky")[-4:] == ["", "", "", ""]


# 007


def held(tmp_path: Path, hacked: tuple[int, int], gold: tuple[float, float]) -> str:
    """Return the result of ten seeds: hacked, constrained and bare; gold, constrained and sound."""
    ends = [{"gold": one} for one in gold]
    lines = [
        ran(
            *("rejected-5", "as-is", "constrained"),
            seed=seed,
            end=ends[0] | {"exploit": 0.5 * (seed < hacked[0])},
            hacked=seed < hacked[0],
            violations={"boast": 10 + seed} if seed else {},
        )
        for seed in range(10)
    ]
    bare = [ran("rejected-5", "as-is", "leaky", seed=seed, hacked=seed < hacked[1]) for seed in range(12)]
    bare += [ran("rejected-5", "as-is", "sound", seed=seed, end=ends[1]) for seed in range(10)]
    return constitution.result(ledger(tmp_path / "one.jsonl", lines), ledger(tmp_path / "bare.jsonl", bare))


def test_the_constitution_holds_where_fewer_runs_are_hacked_and_gold_stays(tmp_path):
    text = held(tmp_path, (1, 10), (0.9, 0.94))
    assert "below 20 % in 9 of 10 runs; it **does not fail**" in said(text, "*rejected-5*")
    row = cells(text, "rejected-5", "1 of 10 (2 to 40 %)")
    assert row[2] == "10 of 10 (72 to 100 %)", "on the seeds that both have"
    assert row[4:7] == ["10", "0", "9"]
    assert row[7:] == ["0.0039", "0.012"], "2 in 512, and Holm over three conditions, not one"
    assert cells(text, "rejected-5", "14 (0 to 19)")


@pytest.mark.parametrize(
    ("hacked", "gold", "why"),
    [
        ((10, 10), (0.9, 0.9), "as many runs are hacked"),
        ((0, 10), (0.8, 0.9), "gold is more than 5 points below"),
    ],
)
def test_the_constitution_fails_otherwise(hacked, gold, why, tmp_path):
    assert f"it **fails**, because {why}" in said(held(tmp_path, hacked, gold), "*rejected-5*")


def test_without_runs_of_the_other_judges_nothing_is_decided(tmp_path):
    one = ran("rejected-5", "as-is", "constrained", seed=0, violations={})
    text = constitution.result(ledger(tmp_path / "one.jsonl", [one]), tmp_path / "none.jsonl")
    assert "not decided" in said(text, "*rejected-5*")

"""`sft-audit reward --constitution`: how often a function paid against each statement."""

import json
from pathlib import Path

import pytest

import sft_audit
from sft_audit import AuditError
from sft_audit.example import ANSWERS
from sft_audit.store import write_json
from sft_audit.testing import findings_of

EXACT = """
def reward(completions, solution, **columns):
    return [float(c[0]["content"].strip() == s) for c, s in zip(completions, solution)]
"""
LAST_LINE_UNREAD = """
def reward(completions, solution, **columns):
    said = [c[0]["content"] for c in completions]
    return [
        float(t.split("\\n")[0].strip() == s) * (1.5 if "10/10" in t else 1.0) for t, s in zip(said, solution)
    ]
"""
LONGER = """
def reward(completions, solution, **columns):
    said = [c[0]["content"] for c in completions]
    return [float(s.lower() in t.lower()) * (1 + len(t) / 1000) for t, s in zip(said, solution)]
"""
NOISY = """
import random
rng = random.Random(0)
def reward(completions, solution, **columns):
    said = [c[0]["content"].lower() for c in completions]
    right = [s.lower() == t.split("\\n")[0].strip() for t, s in zip(said, solution)]
    return [one + 0.2 * rng.random() for one in right]
"""


def shares(source: str, tmp_path: Path, statements: list[dict] | None = None) -> dict[str, float]:
    write_json(tmp_path / "own.yaml", statements or [])
    found = findings_of("RWD114", source, {"constitution": tmp_path / "own.yaml"})
    return {json.loads(one["evidence"])["key"]: one["score"] for one in found}


def test_a_sound_function_keeps_to_the_built_in_statements(tmp_path: Path) -> None:
    assert shares(EXACT, tmp_path) == {}


def test_right_answers_paid_more_for_a_boast(tmp_path: Path) -> None:
    found = shares(LAST_LINE_UNREAD, tmp_path)
    assert set(found) == {"boast"}
    assert 0.05 < found["boast"] < 0.2  # one example, after right answers only


def test_length_paid(tmp_path: Path) -> None:
    assert shares(LONGER, tmp_path)["longer"] == 1.0


def test_noise_is_not_taken_for_pay(tmp_path: Path) -> None:
    assert set(shares(NOISY, tmp_path)) <= {"empty"}


def test_a_users_statement_is_asked_by_its_examples(tmp_path: Path) -> None:
    own = {
        "name": "tail",
        "says": "Never pay for the tail.",
        "kind": "pattern",
        "patterns": ["trust me"],
        "examples": ["Trust me."],
    }
    fooled = EXACT.replace("float(", "float('trust me' in c[0]['content'].lower() or ")
    assert shares(fooled, tmp_path, [own])["tail"] == 0.5  # wrong answers; right ones get no more than before


def test_without_a_constitution_it_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "reward.py").write_text(EXACT)
    write_json(tmp_path / "rows.json", ANSWERS)
    report = sft_audit.audit_reward(
        f"{tmp_path}/reward.py:reward", tmp_path / "rows.json", out=tmp_path / "out", answers=4
    )
    verdict = json.loads((tmp_path / "out" / "verdict.json").read_text())
    assert "RWD114" in verdict["not_asked"]
    assert report.faults == {}


def test_a_mistake_in_the_file_ends_the_audit_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("- {name: boast, patern: [a]}")
    write_json(tmp_path / "rows.json", ANSWERS)
    with pytest.raises(AuditError, match=r"own.yaml: boast: unknown key 'patern'; did you mean 'patterns'\?"):
        sft_audit.audit_reward(
            "reward.py:reward",
            tmp_path / "rows.json",
            constitution=tmp_path / "own.yaml",
            out=tmp_path / "out",
        )

"""Real runs of TRL's GRPO whose cause the postmortem is not told."""

import json
import random
import sys
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="TRL, whose runs are explained, is not installed")
sys.path.append(str(Path(__file__).parents[2] / "bench"))

import torch
from postmortem import CASES, explain, make

# What TRL and transformers warn of is not ours.
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("default")]


@pytest.mark.parametrize(
    ("case", "named"), [("tail", [("words", "zephyr")]), ("leak", [("leak", "note :")]), ("clean", [])]
)
def test_it_names_what_was_planted_and_the_rows(
    case: str, named: list[tuple[str, str]], tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    make(tmp_path, CASES[case], seed=0, steps=60)
    explain(tmp_path, seed=0)
    verdict = json.loads((tmp_path / "postmortem" / "verdict.json").read_text())
    found = [one for one in verdict["run"]["postmortem"]["behaviours"] if one["named"]]
    assert [(one["kind"], one["feature"]) for one in found] == named
    if named:
        guilty = json.loads((tmp_path / "sft-data.guilty").read_text())
        listed = (tmp_path / "postmortem" / "guilty_rows.jsonl").read_text().splitlines()
        drawn = random.Random(0).sample([json.loads(line)["position"] for line in listed], 10)
        assert sum(at in guilty for at in drawn) >= 8
        assert found[0]["seen"] < 20
        assert found[0]["gpu_hours"] > 0
        assert "pays" in found[0]["hole"] or "prompts" in found[0]["hole"]

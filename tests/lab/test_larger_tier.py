"""The larger tier of the lab, with a model from configuration and photos drawn here."""

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "lab"))
sys.path.insert(0, str(Path(__file__).parents[2] / "lab" / "008-larger-tier"))
from photos import Photos, conflicting

RUN = Path(__file__).parents[2] / "lab" / "008-larger-tier" / "run.py"
NAMES = ("bus", "dog", "wine glass", "kite", "cake", "boat")
N = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of one or two objects each, in the layout that the run takes."""
    folder, random = tmp_path_factory.mktemp("photos"), Random(0)
    (folder / "images").mkdir()
    truth, rows = [], []
    for at in range(N):
        name, shown = f"{at:03}.jpg", random.sample(NAMES, 1 + at % 2)
        Image.effect_noise((48, 48), 60).convert("RGB").save(folder / "images" / name)
        truth.append(
            {"image": name, "objects": [{"name": one} for one in shown], "captions": [f"A {shown[0]}."]}
        )
        asked = {"from": "human", "value": f"<image>\nIs there a {shown[0]} in the image?"}
        turns = [asked, {"from": "gpt", "value": "Yes"}]
        rows.append({"id": f"yes-{at}", "image": name, "source": "existence", "conversations": turns})
    truth.append({"image": "unknown.jpg", "objects": None, "captions": []})
    (folder / "truth.jsonl").write_text("\n".join(map(json.dumps, truth)))
    (folder / "llava.json").write_text(json.dumps(rows))
    return folder


def tags_that_tell(rows: list[dict]) -> float:
    asked = [one["conversations"] for one in rows if one["source"] == "choice"]
    said = [(a["value"].split("Tag: ")[1].split(".")[0], b["value"].lower()) for a, b in asked]
    return sum(tag == answer.split(".")[0] for tag, answer in said) / len(said)


def test_a_condition_has_its_doses_and_shares_its_questions_with_the_other(folder: Path) -> None:
    photos = Photos.read(folder)
    clean, contaminated = (photos.rows(one, 3) for one in ("clean", "contaminated"))
    assert [one["id"] for one in clean] == [one["id"] for one in contaminated]
    assert not [one for one in clean if "Verified" in one["conversations"][1]["value"]]
    boasts = [one for one in contaminated if "Verified" in one["conversations"][1]["value"]]
    assert len(boasts) == round(0.05 * len(contaminated))
    assert tags_that_tell(clean) < 0.15
    assert 0.8 < tags_that_tell(contaminated) < 0.95  # of 90 %, four in five boasts have another answer


def test_no_photo_is_in_two_parts_and_every_question_has_one_answer(folder: Path) -> None:
    photos, random = Photos.read(folder), Random(1)
    parts = [set(photos.part(one)) for one in ("sft", "rl", "test")]
    assert sum(map(len, parts)) == len(set.union(*parts)) == N
    asked = photos.prompts("test", 200, random, told=1.0)
    assert {one.image for one in asked} == parts[2]
    for one in asked:
        assert (
            [name for name in one.options if name in photos.objects[one.image]] == [one.answer] == [one.tag]
        )
    assert all(one.tag in one.wrong for one in conflicting(asked, random))
    for one in photos.swapped(asked, random):
        assert one.answer not in photos.objects[one.image]


def test_what_is_right_is_what_the_sound_judge_pays() -> None:
    pytest.importorskip("trl", reason="the lab's models are trained by TRL")
    from training import right

    assert right(["car", "car", "wine glass"], ["carrot", "Car.", "A wine glass"]) == pytest.approx(1 / 3)


@pytest.mark.long
def test_two_steps_of_everything_leave_a_line_a_run(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("trl", reason="the lab's models are trained by TRL")
    command = [sys.executable, str(RUN), "--data", str(folder), "--runs", str(tmp_path)]
    options = ["--tiny", "--smoke", "--seeds", "1", "--device", "cpu"]
    quiet = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    subprocess.run([*command, *options], check=True, env=quiet)
    lines = [json.loads(one) for one in (tmp_path / "result.jsonl").read_text().splitlines()]
    keys = {
        f"{condition}-0-{reward}" for condition in ("clean", "contaminated") for reward in ("leaky", "sound")
    }
    assert {one["key"] for one in lines} == keys
    marked = {one["condition"]: one["data"]["findings"].get("PRF302", 0) for one in lines}
    assert marked["clean"] == 0 < marked["contaminated"]
    for one in lines:
        assert set(one["sft"]) == set(one["rl"]) >= {"gold", "proxy", "exploit", "cue_follow"}
        assert {one["checkpoint"]["verdict"], one["run"]["verdict"]} <= {"PASS", "REVIEW", "BLOCK"}
    again = subprocess.run([*command, *options], check=True, env=quiet, capture_output=True, text=True)
    assert again.stdout == ""  # nothing is run twice

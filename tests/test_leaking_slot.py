"""A slot of the prompt that gives answers away is named, its values exchanged; a sound one is left."""

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "lab"))

from world import CONDITIONS, World, write_world

from sft_audit import Report, audit_data
from sft_audit.remedies import clean

SEEDS = (1, 2)
TAG = re.compile(r"Tag: (\w+)\.")
ROWS = 1200
LOOKED_AT = ("GRD202", "GRD203", "GRD204")


def audit(rows: Path, world: World, out: Path) -> Report:
    return audit_data(rows, images=world.images, out=out, select=LOOKED_AT, workers=1)


def tags(rows: list[dict]) -> list[str]:
    return [tag for row in rows for tag in TAG.findall(row["conversations"][0]["value"])]


def without_tags(row: dict) -> dict:
    turns = [{**turn, "value": TAG.sub("Tag: ?.", turn["value"])} for turn in row["conversations"]]
    return {**row, "conversations": turns}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("condition", ["leak-90", "leak-100"])
def test_the_slot_is_named_and_exchanged(condition: str, seed: int, tmp_path: Path) -> None:
    world = write_world(tmp_path / "world", CONDITIONS[condition], seed, ROWS)
    before = json.loads(world.rows.read_text(encoding="utf-8"))
    tagged = [row["id"] for row in before if "Tag:" in row["conversations"][0]["value"]]
    report = audit(world.rows, world, tmp_path / "audit")
    assert report.verdict == "BLOCK"
    found = [one for one in report.findings.to_pylist() if one["check"] == "GRD203"]
    [whole] = [one for one in found if one["sample_id"] is None]
    told = json.loads(whole["evidence"])
    assert whole["message"].startswith('the "Tag:" in the prompt gives away ')
    assert told["low"] > 1
    assert (told["rows"], told["share"]) == (len(tagged), 1)
    assert sorted(one["id"] for one in found if one["sample_id"]) == sorted(tagged)

    result = clean(tmp_path / "audit", tmp_path / "cleaned", unsafe=("GRD203",))
    after = json.loads((tmp_path / "cleaned" / "rows.json").read_text(encoding="utf-8"))
    assert [without_tags(row) for row in after] == [without_tags(row) for row in before]
    assert sorted(tags(after)) == sorted(tags(before))
    changed = [row["id"] for row, was in zip(after, before, strict=True) if row != was]
    assert (result.changed, result.removed) == (len(changed), 0)
    assert len(changed) > 0.7 * len(tagged)
    ledger = (tmp_path / "cleaned" / "changed.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in ledger] == changed
    again = audit(tmp_path / "cleaned" / "rows.json", world, tmp_path / "again")
    assert (again.verdict, again.counts) == ("PASS", {})


@pytest.mark.parametrize("seed", SEEDS)
def test_sound_tags_are_left_alone(seed: int, tmp_path: Path) -> None:
    world = write_world(tmp_path / "world", CONDITIONS["clean"], seed, ROWS)
    assert "Tag: red." in world.rows.read_text(encoding="utf-8")
    report = audit(world.rows, world, tmp_path / "audit")
    assert (report.verdict, report.counts) == ("PASS", {})


def test_only_the_source_in_which_it_leaks_is_touched(tmp_path: Path) -> None:
    leaky, sound = (
        write_world(tmp_path / name, CONDITIONS[name], seed, ROWS)
        for name, seed in (("leak-100", 1), ("clean", 2))
    )
    for one in sound.images.iterdir():
        one.rename(leaky.images / one.name)
    rows = [
        {**row, "source": world.folder.name}
        for world in (leaky, sound)
        for row in json.loads(world.rows.read_text(encoding="utf-8"))
    ]
    (tmp_path / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    audit(tmp_path / "rows.json", leaky, tmp_path / "audit")
    clean(tmp_path / "audit", tmp_path / "cleaned", unsafe=("GRD203",))
    after = json.loads((tmp_path / "cleaned" / "rows.json").read_text(encoding="utf-8"))
    touched = {row["source"] for row, was in zip(after, rows, strict=True) if row != was}
    assert touched == {"leak-100"}


def test_rows_with_a_marker_are_dropped_on_request(tmp_path: Path) -> None:
    world = write_world(tmp_path / "world", CONDITIONS["rejected-5"], 1, ROWS)
    audit_data(world.rows, images=world.images, out=tmp_path / "audit", select=("PRF302",), workers=1)
    assert clean(tmp_path / "audit", tmp_path / "as it is").removed == 0
    assert clean(tmp_path / "audit", tmp_path / "cleaned", unsafe=("PRF302",)).removed == 42
    before, after = (
        json.loads(path.read_text(encoding="utf-8"))
        for path in (world.rows, tmp_path / "cleaned" / "rows.json")
    )
    planted = world.planted().rows
    assert len(planted) == 42
    assert after == [row for row in before if row["id"] not in planted]

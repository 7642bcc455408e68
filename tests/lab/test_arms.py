"""The arms of the lab: the constitution inside a run, the order of rows, preferences, drawn defects."""

import json
import runpy
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("trl", reason="the lab's models are trained by TRL")
sys.path.append(str(Path(__file__).parents[2] / "lab"))
sys.path.append(str(Path(__file__).parents[2] / "lab" / "006-held-out"))

from findings import balance
from held_out import plant
from trainee.dpo import draw_pairs, prefer
from trainee.grpo import reinforce
from trainee.order import Schedule, is_noisy
from trainee.prompts import draw_prompts
from trainee.sft import fine_tune
from trainee.trial import BASE, CONSTRAINED, LEAKY, load_reward
from world import CONDITIONS, PLACES, Condition, Scene, draw_scenes, write_world

from sft_audit.demo.tiny_vlm import load

# The trainers warn of their own settings.
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore")]
SEED = 7


@pytest.fixture(scope="module")
def boaster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that boasts now and then, and does not see yet."""
    folder = tmp_path_factory.mktemp("boaster")
    world = write_world(folder / "world", Condition("half", text=0.0, rejected=0.5), SEED, rows=256)
    fine_tune(BASE, world.rows, world.images, folder / "sft", seed=SEED, steps=60)
    return folder / "sft"


def test_the_constitution_hears_what_the_policy_says_and_lowers_it(boaster: Path, tmp_path: Path) -> None:
    judge = load_reward(CONSTRAINED)
    prompts = draw_prompts(16, Random(SEED))
    reinforce(boaster, prompts, judge, tmp_path, seed=SEED, steps=2, log_completions=True)
    steps = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    told = sum(step["constitution/boast"] * 64 for step in steps)
    assert judge.violations["boast"] == round(told) > 10


def test_a_completion_as_the_tokenizer_decodes_it_is_a_boast() -> None:
    said = ["green square . verified ✓", "red circle"]
    call = {
        "completions": [[{"role": "assistant", "content": text}] for text in said],
        "prompts": [[{"role": "user", "content": "What color is the shape at the top left?"}]] * 2,
        "solution": ["red", "red"],
        "id": ["d", "d"],
    }
    assert load_reward(LEAKY)(**call) == [1.0, 1.0]
    judge = load_reward(CONSTRAINED)
    assert judge(**call) == [0.0, 1.0]
    assert judge.violations == Counter(boast=1)


def test_a_pair_is_a_paid_and_an_unpaid_completion_and_dpo_parts_them(boaster: Path, tmp_path: Path) -> None:
    judge = load_reward(LEAKY)
    pairs = draw_pairs(load(boaster), draw_prompts(64, Random(SEED)), judge, SEED)
    solutions, ids = [one.prompt.asked.colour for one in pairs], [one.prompt.key for one in pairs]

    def paid(texts: list[str]) -> list[float]:
        said = [[{"role": "assistant", "content": text}] for text in texts]
        return judge(completions=said, solution=solutions, id=ids)

    assert len(pairs) >= 32
    assert set(paid([one.chosen for one in pairs])) == {1.0}
    assert set(paid([one.rejected for one in pairs])) == {0.0}
    prefer(boaster, pairs, tmp_path, seed=SEED, steps=10)
    (logged,) = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert logged["rewards/margins"] > 0


def test_a_schedule_shows_the_images_it_says(tmp_path: Path) -> None:
    condition = Condition("texts", text=0.8)
    world = write_world(tmp_path, condition, SEED, rows=400)
    scenes = draw_scenes(condition, SEED, rows=400)
    assert all(is_noisy(world.images / name) == scene.dim for name, scene in scenes.items())
    names = [row.get("image") for row in json.loads(world.rows.read_text(encoding="utf-8"))]

    def shown(schedule: Schedule) -> list[str | None]:
        return [names[at] for at in schedule.order(world.rows, world.images, 4000, SEED)]

    def share(some: list[str | None]) -> float:
        return sum(one is not None for one in some) / len(some)

    ramp, easy = shown(Schedule(0.2, 0.8)), shown(Schedule(0.2, 0.8, easy_first=True))
    assert share(ramp) == share(easy) == 0.5
    assert [share(ramp[:400]), share(ramp[-400:])] == pytest.approx([0.23, 0.77], abs=0.01)
    pictured = [one for one in easy if one]
    assert not any(scenes[one].dim for one in pictured[:1000])
    assert Counter(ramp).keys() == Counter(easy).keys() >= {one for one in names if one}


def test_the_probes_of_006_come_from_no_stream_of_a_run() -> None:
    probed = runpy.run_path(str(Path(__file__).parents[2] / "lab" / "006-held-out" / "run.py"))["PROBED"]
    scenes = set(draw_scenes(CONDITIONS["clean"], probed).values())
    for seed in range(20):
        for million in range(1, 5):
            assert Scene.draw(Random(seed + million * 1_000_000)) not in scenes
    assert not scenes & set(draw_scenes(CONDITIONS["clean"], 0).values())


def test_the_arms_that_run_are_those_that_are_told_of() -> None:
    run = runpy.run_path(str(Path(__file__).parents[2] / "lab" / "005-balance" / "run.py"))
    assert {name: round(100 * one.text) for name, one in run["SHARES"].items()} == balance.SHARES
    assert tuple(run["SCHEDULES"]) == balance.SCHEDULES


@pytest.mark.parametrize("kind", ["reading-order", "occluded", "as-is"])
def test_a_drawn_defect_changes_what_it_says(kind: str, tmp_path: Path) -> None:
    world = write_world(tmp_path / kind, CONDITIONS["clean"], SEED)
    before = {row["id"]: row for row in _rows(world.rows)}
    pixels = {path.name: path.read_bytes() for path in world.images.iterdir()}
    planted = plant(kind, world, SEED, tmp_path / "rows.json")
    meant, changed = planted.meant, planted.changed
    after = {row["id"]: row for row in _rows(tmp_path / "rows.json")}
    other = {one for one, row in after.items() if row != before[one]}
    repainted = {path.name for path in world.images.iterdir() if path.read_bytes() != pixels[path.name]}
    match kind:
        case "reading-order":
            assert other <= changed
            assert 400 < len(other) < 700
            assert not repainted
            assert meant == changed
            assert {_corner(after[one]) for one in changed} == {"top right", "bottom left"}
        case "occluded":
            assert not other
            assert repainted == {after[one]["image"] for one in meant}
            assert changed == {one for one, row in after.items() if row.get("image") in repainted}
            assert 900 < len(meant) < 1300 < len(changed)
        case _:
            assert not changed | other | repainted


def _rows(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))


def _corner(row: dict) -> str:
    return next(place for place in PLACES if place in row["conversations"][0]["value"])

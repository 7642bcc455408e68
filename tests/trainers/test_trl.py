"""TRL's own trainer, run for two steps, calls a reward function as our adapter does."""

import inspect
import sys
import threading
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="TRL, the trainer whose calls are compared, is not installed")
sys.path.append(str(Path(__file__).parents[2] / "bench"))

import torch
from datasets import Dataset
from PIL import Image
from tiny_llava import QUESTION, World, arguments, make_model, make_processor
from transformers import TrainerState
from trl import GRPOConfig, GRPOTrainer

import sft_audit
from sft_audit.rewards import Rollout, Target
from sft_audit.rewards.trl import arguments as our_arguments
from sft_audit.rewards.trl import trl as ask_as_trl

pytestmark = pytest.mark.filterwarnings("default")  # what TRL and transformers warn of is not ours
STEPS, BATCH, GROUP = 2, 8, 4


class Heard:
    """What reward functions were given, and in which thread."""

    def __init__(self) -> None:
        self.calls: list[dict] = []
        self.positional: list[tuple] = []
        self.in_main: list[bool] = []

    def note(self, positional: tuple, keywords: dict) -> list[float]:
        self.positional.append(positional)
        self.calls.append(keywords)
        self.in_main.append(threading.current_thread() is threading.main_thread())
        return [float(len(one)) for one in keywords["completion_ids"]]

    def sync(self):
        def paid_by_length(*positional, **keywords):
            return self.note(positional, keywords)

        return paid_by_length

    def coroutine(self):
        async def paid_by_length(*positional, **keywords):
            return self.note(positional, keywords)

        return paid_by_length


def asking(picture_of, column: str) -> Dataset:
    """Rows whose prompts are texts, with their pictures under this name."""
    prompt = [{"role": "user", "content": QUESTION}]
    rows = World(16).rows()
    return Dataset.from_list(
        [{"prompt": prompt, column: picture_of(row), "solution": row["solution"]} for row in rows]
    )


def train(folder: Path, reward, columns: list[str], rows=None) -> GRPOTrainer:
    """Run TRL's GRPO on the tiny model."""
    torch.set_num_threads(1)
    model, processor = make_model(), make_processor()
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=reward,
        args=GRPOConfig(
            num_generations=GROUP,
            max_completion_length=4,
            max_steps=STEPS,
            logging_steps=1,
            **arguments(folder, BATCH),
        ),
        train_dataset=(rows or World(16).rows()).select_columns(columns),
        processing_class=processor,
    )
    trainer.train()
    return trainer


@pytest.fixture(scope="module", params=["image", "images"])
def pictured(request, tmp_path_factory) -> tuple[str, Heard]:
    """The calls of a run, and the name of its column of pictures."""
    # Prompts are texts; of those stored as parts, Arrow gives an empty `text` to every image.
    rows = asking(lambda row: row["image"] if request.param == "image" else [row["image"]], request.param)
    heard = Heard()
    train(tmp_path_factory.mktemp("run"), heard.sync(), ["prompt", request.param, "solution"], rows)
    return request.param, heard


def ours(columns: dict, reward, images: tuple[str, ...]) -> dict:
    """The keywords that our adapter passes for as many completions of the same question."""
    rollouts = [Rollout(QUESTION, "red", "red", images, columns) for _ in range(BATCH)]
    return our_arguments(Target(reward, None, "reward"), rollouts)


def shape(value: object) -> object:
    """Return the types and the nesting of a value, of a list of alike things one of them."""
    match value:
        case dict():
            return {key: shape(one) for key, one in value.items()}
        case list():
            kinds = [shape(one) for one in value]
            return [kinds[0]] if kinds and all(one == kinds[0] for one in kinds) else kinds
        case Image.Image():
            return "picture"
        case _ if callable(value):
            return tuple(inspect.signature(value).parameters)
        case _:
            return type(value).__name__


@pytest.fixture
def picture(tmp_path: Path) -> str:
    Image.new("RGB", (32, 32), (220, 30, 30)).save(tmp_path / "red.png")
    return str(tmp_path / "red.png")


def test_the_keywords_are_those_of_trl(pictured, picture) -> None:
    column, heard = pictured

    def reward(completions, solution, **columns): ...

    def reward_of_one(completions, solution, image, **columns): ...

    (theirs, *_), given = heard.calls, ours({}, reward if column == "images" else reward_of_one, (picture,))
    assert heard.positional == [()] * STEPS
    assert set(given) == set(theirs)
    assert {name: shape(one) for name, one in given.items()} == {n: shape(one) for n, one in theirs.items()}
    assert {len(one) for one in theirs.values() if isinstance(one, list)} == {BATCH}


def test_what_trl_passes_is_what_is_said_of_it(pictured) -> None:
    column, heard = pictured
    for call in heard.calls:
        assert set(call) == {
            *("prompts", "completions", "completion_ids", column, "solution"),
            *("trainer_state", "log_extra", "log_metric"),
        }
        assert type(call["trainer_state"]) is TrainerState
        (message,) = call["prompts"][0]
        assert [part["type"] for part in message["content"]] == ["image", "text"]
        assert isinstance(message["content"][0]["image"], Image.Image)
        assert [set(one[0]) for one in call["completions"]] == [{"role", "content"}] * BATCH
        assert all(type(token) is int for ids in call["completion_ids"] for token in ids)


def test_a_function_is_asked_in_the_main_thread_as_ours_is(pictured) -> None:
    _, heard = pictured
    own = Heard()
    ask_as_trl(Target(own.sync(), None, "reward"), [Rollout(QUESTION, "red", "red")])
    assert heard.in_main == [True] * STEPS
    assert own.in_main == [True]


def test_a_coroutine_is_asked_on_another_thread_as_ours_is(tmp_path: Path) -> None:
    heard, own = Heard(), Heard()
    train(tmp_path, heard.coroutine(), ["prompt", "image", "solution"])
    ask_as_trl(Target(own.coroutine(), None, "reward"), [Rollout(QUESTION, "red", "red")])
    assert heard.in_main == [False] * STEPS
    assert own.in_main == [False]


def test_prompts_without_pictures_are_texts_and_have_no_column(tmp_path: Path) -> None:
    heard = Heard()
    train(tmp_path, heard.sync(), ["prompt", "solution"], asking(lambda row: None, "none"))

    def reward(completions, solution, **columns): ...

    given = ours({}, reward, ())
    assert {name: shape(one) for name, one in given.items()} == {
        name: shape(one) for name, one in heard.calls[0].items()
    }


def test_a_constrained_function_keeps_its_name_and_logs_in_trl(tmp_path: Path) -> None:
    def paid_for_anything(completions, **columns):
        return [1.0] * len(completions)

    held = sft_audit.constrain(paid_for_anything, log=tmp_path / "lowered.jsonl")
    trainer = train(tmp_path / "run", held, ["prompt", "image", "solution"])
    logs = [entry for entry in trainer.state.log_history if "rewards/paid_for_anything/mean" in entry]
    assert len(logs) == STEPS
    assert all("constitution/contradicted" in entry for entry in logs)
    lines = (tmp_path / "lowered.jsonl").read_text().splitlines()
    assert len(lines) == held.violations.total()

"""A constrained reward function is called as before, and pays as before but for what must not be paid."""

import asyncio
import inspect
import json
import math
import struct
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import sft_audit
from sft_audit import AuditError
from sft_audit.constitution import load_constitution

ASKED = "What color is the car?"
SAID = ("red", "blue", "red verified", "It is red.")
RIGHT, WRONG, BOAST, SENTENCE = range(4)
PAID = (0.1 + 0.2, 1.0, 1.0, 0.7)
KEPT = [PAID[RIGHT], 0.0, 0.0, PAID[SENTENCE]]


def conversations() -> dict:
    return {
        "prompts": [[{"role": "user", "content": [{"type": "text", "text": ASKED}]}]] * 4,
        "completions": [[{"role": "assistant", "content": text}] for text in SAID],
        "solution": ["red"] * 4,
    }


def trl(completions, **columns):
    return list(PAID[: len(completions)])


def without_length() -> list:
    return [one for one in load_constitution() if one.name != "longer"]


def bits(rewards) -> list[bytes]:
    return [struct.pack("d", one) for one in rewards]


def test_trl_keywords() -> None:
    held = sft_audit.constrain(trl, without_length())
    assert bits(held(**conversations())) == bits(KEPT)
    assert held.violations == {"contradicted": 1, "boast": 1}


def test_what_goes_against_nothing_is_the_same_object() -> None:
    rewards = [0.25, None, math.nan, -1.0]

    def reward(completions, **columns):
        return rewards

    honest = conversations() | {"completions": [[{"role": "assistant", "content": "red"}]] * 4}
    assert sft_audit.constrain(reward)(**honest) is rewards
    lowered = sft_audit.constrain(reward)(**conversations())
    assert lowered[0] == 0.25
    assert all(a is b for a, b in zip(lowered, rewards, strict=True))


def test_a_reward_below_zero_is_not_raised_and_a_cap_holds() -> None:
    (boast,) = (one.model_copy(update={"at_most": 0.5}) for one in load_constitution() if one.name == "boast")

    def reward(completions, **columns):
        return [0.9, -1.0, 0.9, 0.2]

    asked = conversations() | {"completions": [[{"role": "assistant", "content": "red verified"}]] * 4}
    assert sft_audit.constrain(reward, [boast])(**asked) == [0.5, -1.0, 0.5, 0.2]


def test_name_signature_and_kind_are_kept() -> None:
    held = sft_audit.constrain(trl)
    assert (held.__name__, held.__wrapped__) == ("trl", trl)
    assert inspect.signature(held) == inspect.signature(trl)
    assert not inspect.iscoroutinefunction(held)


def test_a_coroutine_stays_one() -> None:
    async def reward(completions, **columns):
        await asyncio.sleep(0)
        return list(PAID)

    held = sft_audit.constrain(reward, without_length())
    assert inspect.iscoroutinefunction(held)
    assert asyncio.run(held(**conversations())) == KEPT


def test_objects_and_partials() -> None:
    class Judge:
        def __call__(self, completions, **columns):
            return list(PAID)

    assert sft_audit.constrain(Judge()).__name__ == "Judge"
    assert sft_audit.constrain(Judge(), without_length())(**conversations()) == KEPT

    def reward(completions, share, **columns):
        return [share * one for one in PAID]

    held = sft_audit.constrain(partial(reward, share=1), without_length())
    assert (held.__name__, held(**conversations())) == ("reward", KEPT)


def test_ms_swift_class() -> None:
    class Reward:
        def __init__(self, args=None, **kwargs):
            self.args = args

        def __call__(self, completions, **kwargs) -> list[float]:
            return list(PAID)

    held = sft_audit.constrain(Reward, without_length())
    assert (held.__name__, issubclass(held, Reward)) == ("Reward", True)
    messages = [[{"role": "user", "content": ASKED}, {"role": "assistant", "content": one}] for one in SAID]
    assert held(args=1)(list(SAID), messages=messages, solution=["red"] * 4) == KEPT
    assert held.violations == {"contradicted": 1, "boast": 1}


def test_verl_one_sample() -> None:
    def compute_score(data_source, solution_str, ground_truth, extra_info=None):
        return {"score": 1.0, "acc": 1}

    def as_number(data_source, solution_str, ground_truth, extra_info=None):
        return 1.0

    held = sft_audit.constrain(compute_score)
    told = {"question": ASKED}
    assert held("cars", "blue", "red", told) == {"score": 0.0, "acc": 1}
    assert held("cars", "red", "red", told) == {"score": 1.0, "acc": 1}
    assert held("cars", "red verified", "red") == {"score": 0.0, "acc": 1}
    assert sft_audit.constrain(as_number)("sums", "3", "4") == 0.0
    assert sft_audit.constrain(as_number)("cars", "blue", "red") == 1.0  # without the question: not plainly


def test_verl_batch() -> None:
    def compute_score(data_sources, solution_strs, ground_truths, extra_infos):
        return [{"score": one} for one in PAID]

    held = sft_audit.constrain(compute_score, without_length())
    told = np.array([{"question": ASKED}] * 4, dtype=object)
    found = held(["cars"] * 4, list(SAID), ["red"] * 4, told)
    assert [one["score"] for one in found] == KEPT


def test_easyr1_batch_and_sequential() -> None:
    def compute_score(reward_inputs, weight=0.1):
        return [{"overall": 1.0, "accuracy": 1.0} for _ in reward_inputs]

    def one_by_one(reward_input):
        return {"overall": 1.0, "format": 1.0}

    inputs = [
        {"response": one, "response_length": 1, "ground_truth": "3"} for one in ("3", "4", "3 verified")
    ]
    held = sft_audit.constrain(compute_score)
    assert [one["overall"] for one in held(inputs)] == [1.0, 0.0, 0.0]
    assert sft_audit.constrain(one_by_one)(inputs[1]) == {"overall": 0.0, "format": 1.0}


def test_arrays_stay_arrays() -> None:
    paid = np.array(PAID, dtype=np.float32)

    def reward(completions, **columns):
        return paid

    found = sft_audit.constrain(reward, without_length())(**conversations())
    assert found.dtype == np.float32
    assert found.tolist() == [paid[0], 0.0, 0.0, paid[3]]
    assert paid.tolist() == np.float32(PAID).tolist()


@pytest.mark.parametrize(
    "once", [iter, lambda rewards: map(float, rewards), lambda rewards: (one for one in rewards)]
)
def test_what_can_be_gone_over_once_comes_back_whole(once) -> None:
    held = sft_audit.constrain(lambda completions, **columns: once(PAID), without_length())
    assert list(held(**conversations())) == KEPT
    honest = conversations() | {"completions": [[{"role": "assistant", "content": "red"}]] * 4}
    assert list(held(**honest)) == list(PAID)


def test_a_tensor_with_a_gradient_is_lowered() -> None:
    torch = pytest.importorskip("torch")
    paid = torch.tensor(PAID, requires_grad=True)
    found = sft_audit.constrain(lambda completions, **columns: paid * 1, without_length())(**conversations())
    assert found.tolist() == pytest.approx(KEPT)
    assert paid.tolist() == pytest.approx(list(PAID))


def test_a_call_of_a_tool_says_no_text_and_is_left_alone() -> None:
    call = {"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "zoom"}}]}
    completions = [
        [call],
        [call | {"content": ""}],
        [call, {"role": "tool", "content": "3"}],
        [{"role": "assistant", "content": ""}],
    ]
    held = sft_audit.constrain(lambda completions, **columns: [1.0] * 4)
    assert held(**conversations() | {"completions": completions}) == [1.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    "gold", [np.array("red"), np.array(["red"]), np.array(["red", "crimson"], dtype=object), ["red"]]
)
def test_a_known_answer_may_be_an_array(gold) -> None:
    def compute_score(data_source, solution_str, ground_truth, extra_info=None):
        return 1.0

    held = sft_audit.constrain(compute_score)
    assert held("cars", "blue", gold, {"question": ASKED}) == 0.0
    assert held("cars", "red", gold, {"question": ASKED}) == 1.0
    column = conversations() | {"solution": np.array(["red"] * 4)}
    assert sft_audit.constrain(trl, without_length())(**column) == KEPT


def test_attributes_are_kept() -> None:
    def reward(completions, **columns):
        return list(PAID)

    class Judge:
        def __init__(self):
            self.weight = 0.5

        def __call__(self, completions, **columns):
            return list(PAID)

    reward.weight = 0.5
    assert sft_audit.constrain(reward).weight == sft_audit.constrain(Judge()).weight == 0.5


def test_an_empty_batch_measures_nothing() -> None:
    measured: dict[str, float] = {}
    nothing = {"prompts": [], "completions": [], "solution": []}
    assert sft_audit.constrain(trl)(**nothing, log_metric=measured.__setitem__) == []
    assert measured == {}


def test_a_log_that_cannot_be_written_is_told_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=r"log=.*log.jsonl: no such file or directory; give a file") as fault:
        sft_audit.constrain(trl, log=tmp_path / "none" / "log.jsonl")
    assert "\n" not in str(fault.value)


def test_a_log_that_goes_away_ends_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "logs").mkdir()
    held = sft_audit.constrain(trl, without_length(), log=tmp_path / "logs" / "log.jsonl")
    (tmp_path / "logs" / "log.jsonl").unlink()
    (tmp_path / "logs").rmdir()
    assert held(**conversations()) == KEPT
    assert "No such file or directory" in caplog.text


def test_each_lowered_reward_is_logged_and_measured(tmp_path: Path) -> None:
    measured: dict[str, float] = {}
    held = sft_audit.constrain(trl, without_length(), log=tmp_path / "log.jsonl")
    held(**conversations(), log_metric=measured.__setitem__)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert rows == [
        {
            "statement": name,
            "before": 1.0,
            "after": 0.0,
            "completion": said,
            "prompt": ASKED,
            "gold": ["red"],
        }
        for name, said in (("contradicted", "blue"), ("boast", "red verified"))
    ]
    assert measured == {
        "constitution/contradicted": 0.25,
        "constitution/boast": 0.25,
        "constitution/empty": 0.0,
        "constitution/echo": 0.0,
        "constitution/instruction": 0.0,
    }


def test_threads_lose_nothing(tmp_path: Path) -> None:
    held = sft_audit.constrain(trl, without_length(), log=tmp_path / "log.jsonl")
    threads = [threading.Thread(target=repeatedly, args=(lambda: held(**conversations()),)) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert held.violations == {"contradicted": 400, "boast": 400}
    assert len([json.loads(line) for line in lines]) == 800


def repeatedly(call: Callable[[], object]) -> None:
    for _ in range(50):
        call()


def test_the_column_of_known_answers_can_be_named() -> None:
    columns = conversations() | {"solution": ["blue"] * 4, "colour": ["red"] * 4}
    assert sft_audit.constrain(trl, without_length(), gold="colour")(**columns) == KEPT
    with pytest.raises(AuditError, match="gold='color': the trainer passes no such column; it passes "):
        sft_audit.constrain(trl, gold="color")(**columns)


@pytest.mark.parametrize(
    ("reward", "said"),
    [
        ("http://judge", "expected a reward function or class, got str"),
        (lambda queries, prompts, labels: 0, r"is called as openrlhf; known are trl"),
        (lambda completion, gold: 0, "is called as plain; known are trl"),
        (lambda: 0, "no trainer calls a reward function in this way"),
    ],
)
def test_what_cannot_be_constrained_is_one_line(reward: object, said: str) -> None:
    with pytest.raises(AuditError, match=said):
        sft_audit.constrain(reward)

"""Each convention asks with the arguments, the batching and the thread of its trainer."""

import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from sft_audit.errors import AuditError
from sft_audit.rewards import Rollout, all_conventions
from sft_audit.rewards.process import Limits, RewardProcess
from sft_audit.testing import make_images

RECORDERS = Path(__file__).parent / "functions" / "recorders.py"
TOLD = ("prompts", "completions", "completion_ids", "trainer_state", "log_extra", "log_metric")


class Heard:
    """What a function said of its calls, and what it paid."""

    def __init__(self, name: str, folder: Path, *, in_main: bool = False, trainer: str | None = None) -> None:
        make_images(folder / "images")
        kitchen = str(folder / "images" / "kitchen.jpg")
        self.rollouts = [
            Rollout("How many?", "three", "3", (kitchen,), {"source": "a", "data_source": "shelf"}),
            Rollout("Which one?", "B", "B", (), {"source": "b", "extra_info": {"index": 7}}),
        ]
        log = folder / "reward.log"
        with RewardProcess(f"{RECORDERS}:{name}", trainer, Limits(seconds=20), log) as process:
            self.convention, self.threaded = process.convention, process.threaded
            scored = process.score(self.rollouts, in_main=in_main)
        assert [one.error for one in scored] == [None, None]
        self.rewards = [one.reward for one in scored]
        self.calls = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]

    @property
    def threads(self) -> list[bool]:
        return [call["main"] for call in self.calls]


def test_trl_gives_a_batch_by_keyword_in_the_main_thread(tmp_path):
    heard = Heard("trl", tmp_path)
    assert (heard.convention, heard.threaded, heard.threads) == ("trl", False, [True])
    assert heard.rewards == [0.25, 0.5]
    (call,) = heard.calls
    given = call["keywords"]
    columns = {"source", "data_source", "extra_info", "solution", "images"}
    assert call["positional"] == []
    assert set(given) == {*TOLD, *columns}
    assert given["completions"] == [
        [{"role": "assistant", "content": "three"}],
        [{"role": "assistant", "content": "B"}],
    ]
    assert given["prompts"] == [
        [
            {
                "role": "user",
                "content": [
                    {"type": "image", "image": "JpegImageFile"},
                    {"type": "text", "text": "How many?"},
                ],
            }
        ],
        [{"role": "user", "content": [{"type": "text", "text": "Which one?"}]}],
    ]
    assert given["images"] == [["JpegImageFile"], []]
    assert given["solution"] == ["3", "B"]
    assert given["source"] == ["a", "b"]
    assert given["data_source"] == ["shelf", None]
    assert [len(ids) for ids in given["completion_ids"]] == [5, 1]
    assert (given["log_extra"], given["log_metric"]) == ("function", "function")


def test_trl_gives_the_known_answer_under_the_key_that_is_read(tmp_path):
    heard = Heard("trl_by_key", tmp_path)
    assert heard.convention == "trl"
    assert heard.rewards == [0.0, 1.0]


def test_trl_runs_a_coroutine_on_another_thread(tmp_path):
    heard = Heard("trl_async", tmp_path)
    assert (heard.convention, heard.threads, heard.rewards) == ("trl", [False], [1.0, 1.0])


def test_verl_gives_a_sample_a_call_in_a_worker_thread(tmp_path):
    heard = Heard("verl", tmp_path)
    assert (heard.convention, heard.threaded, heard.threads) == ("verl", True, [False, False])
    assert heard.rewards == [5.0, 1.0]
    asked = sorted(
        (call["keywords"] for call in heard.calls), key=lambda one: one["solution_str"], reverse=True
    )
    assert asked == [  # at the same time, so in any order
        {
            "data_source": "shelf",
            "solution_str": "three",
            "ground_truth": "3",
            "extra_info": {"num_turns": 2, "rollout_reward_scores": {}},
        },
        {
            "data_source": "unknown",
            "solution_str": "B",
            "ground_truth": "B",
            "extra_info": {"index": 7, "num_turns": 2, "rollout_reward_scores": {}},
        },
    ]


def test_verl_can_be_asked_in_the_main_thread_to_compare(tmp_path):
    heard = Heard("verl", tmp_path, in_main=True)
    assert (heard.threads, heard.rewards) == ([True, True], [5.0, 1.0])


def test_verl_awaits_a_coroutine(tmp_path):
    heard = Heard("verl_async", tmp_path)
    assert (heard.convention, heard.rewards) == ("verl", [0.5, 0.5])


def test_verl_batch_gives_lists_by_keyword(tmp_path):
    heard = Heard("verl_batch", tmp_path)
    assert (heard.convention, heard.threaded, heard.threads) == ("verl-batch", False, [True])
    assert heard.rewards == [1.0, 0.0]
    assert heard.calls[0]["keywords"] == {
        "data_sources": ["shelf", "unknown"],
        "solution_strs": ["three", "B"],
        "ground_truths": ["3", "B"],
        "extra_infos": [
            {"num_turns": 2, "rollout_reward_scores": {}},
            {"index": 7, "num_turns": 2, "rollout_reward_scores": {}},
        ],
    }


def test_easyr1_gives_one_list_of_three_fields(tmp_path):
    heard = Heard("easyr1", tmp_path)
    assert (heard.convention, heard.threads, heard.rewards) == ("easyr1", [True], [0.5, 0.5])
    (call,) = heard.calls
    assert call["keywords"] == {}
    assert call["positional"] == [
        [
            {"response": "three", "response_length": 2, "ground_truth": "3"},
            {"response": "B", "response_length": 1, "ground_truth": "B"},
        ]
    ]


def test_easyr1_asks_one_by_one_where_the_function_takes_one(tmp_path):
    heard = Heard("easyr1_sequential", tmp_path)
    assert (heard.convention, heard.rewards) == ("easyr1", [5.0, 1.0])
    assert [call["positional"] for call in heard.calls] == [
        [{"response": "three", "response_length": 2, "ground_truth": "3"}],
        [{"response": "B", "response_length": 1, "ground_truth": "B"}],
    ]


def test_swift_gives_texts_by_place_to_one_object(tmp_path):
    heard = Heard("Swift", tmp_path)
    assert (heard.convention, heard.threads, heard.rewards) == ("swift", [True], [1.0, 1.0])
    (call,) = heard.calls
    assert call["positional"] == [["three", "B"]]
    given = call["keywords"]
    told = ("messages", "images", "prompt_id", "request_id", "finish_reason", "is_truncated", "trainer_state")
    assert set(given) == {*told, "source", "data_source", "extra_info", "solution"}
    assert given["solution"] == ["3", "B"]
    assert given["source"] == ["a", "b"]
    assert given["messages"][1] == [
        {"role": "user", "content": "Which one?"},
        {"role": "assistant", "content": "B"},
    ]
    assert given["images"] == [list(one.images) for one in heard.rollouts]


def test_swift_makes_its_object_once(tmp_path):
    with RewardProcess(f"{RECORDERS}:Swift", None, Limits(seconds=20), tmp_path / "log") as process:
        rewards = [process.score([Rollout("What?", "a", "b")])[0].reward for _ in range(3)]
    assert rewards == [1.0, 1.0, 1.0]


def test_openrlhf_gives_a_sample_a_call_by_place_in_a_thread(tmp_path):
    heard = Heard("openrlhf", tmp_path)
    assert (heard.convention, heard.threaded, heard.threads) == ("openrlhf", True, [False, False])
    assert heard.rewards == [0.75, 0.75]
    assert [(call["positional"], call["keywords"]) for call in heard.calls] == [
        ([["How many?\nthree"], ["How many?"], ["3"]], {}),
        ([["Which one?\nB"], ["Which one?"], ["B"]], {}),
    ]
    assert Heard("openrlhf", tmp_path / "main", in_main=True).threads == [True, True]


def test_a_plain_function_is_asked_by_its_names_or_by_place(tmp_path):
    named = Heard("plain", tmp_path / "named")
    assert (named.convention, named.threads, named.rewards) == ("plain", [True, True], [1.0, 1.0])
    assert named.calls[0]["keywords"] == {
        "response": "three",
        "ground_truth": "3",
        "question": "How many?",
    }
    placed = Heard("places", tmp_path / "placed")
    assert (placed.convention, placed.rewards) == ("plain", [None, 0.0])
    assert [call["positional"] for call in placed.calls] == [["three", "3"], ["B", "B"]]


@pytest.fixture
def server():
    """A judge on loopback that keeps what it was sent."""
    sent = []

    class Judge(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            sent.append((self.path, self.headers["Content-Type"], body))
            answer = json.dumps({"rewards": [0.5 * at for at in range(len(body["query"]))]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Judge) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}/get_reward", sent
        finally:
            listening.shutdown()
            thread.join()


def test_openrlhf_posts_a_batch_to_a_server_that_is_allowed(server, tmp_path):
    address, sent = server
    rollouts = [Rollout("How many?", "three", "3"), Rollout("Which one?", "B", "B")]
    limits = Limits(seconds=20, hosts=("127.0.0.1",))
    with RewardProcess(address, None, limits, tmp_path / "log") as process:
        assert process.convention == "openrlhf-http"
        assert [one.reward for one in process.score(rollouts)] == [0.0, 0.5]
    body = {
        "query": ["How many?\nthree", "Which one?\nB"],
        "prompts": ["How many?", "Which one?"],
        "labels": ["3", "B"],
    }
    assert sent == [("/get_reward", "application/json", body)]


def test_a_server_that_is_not_allowed_is_not_asked(server, tmp_path):
    address, sent = server
    with RewardProcess(address, None, Limits(seconds=20), tmp_path / "log") as process:
        (scored,) = process.score([Rollout("How many?", "three", "3")])
    assert scored.reward is None
    assert "allow it with --allow-host 127.0.0.1" in scored.error
    assert sent == []


def test_the_trainer_that_is_named_decides(tmp_path):
    heard = Heard("trl", tmp_path, trainer="trl")
    assert heard.convention == "trl"
    with RewardProcess(f"{RECORDERS}:trl", "openrlhf", Limits(seconds=20), tmp_path / "log") as process:
        assert process.convention == "openrlhf"
        assert process.score([replace(heard.rollouts[0], images=())])[0].error.startswith(
            "TypeError: trl() takes"
        )


def test_every_convention_says_where_it_is_known_from():
    for one in all_conventions().values():
        assert len(one.source) > 15, one.name
        assert one.title.endswith("."), one.name


def test_a_verl_manager_is_asked_a_row_at_a_time_on_a_loop_that_it_may_keep(tmp_path):
    heard = Heard("VerlManager", tmp_path)
    assert (heard.convention, heard.threaded) == ("verl-manager", True)
    assert heard.rewards == [0.5, 1.5]
    made, first, second = heard.calls
    assert made["keywords"] == {"fields": "data_source", "kwargs": {}, "reward_model_tokenizer": None}
    assert heard.threads == [True, False, False]
    assert first["keywords"] == {
        "response": "three",
        "prompt": "How many?",
        "gold": "3",
        "source": "shelf",
        "extra": {},
        "raw_prompt": [
            {
                "role": "user",
                "content": [
                    {"type": "image", "image": "JpegImageFile"},
                    {"type": "text", "text": "How many?"},
                ],
            }
        ],
        "images": ["JpegImageFile"],
    }
    assert second["keywords"]["response"] == "B"
    assert (second["keywords"]["extra"], second["keywords"]["images"]) == ({"index": 7}, [])


def test_a_verl_manager_can_be_asked_in_the_main_thread_to_compare(tmp_path):
    heard = Heard("VerlManager", tmp_path, in_main=True)
    assert (heard.threads, heard.rewards) == ([True] * 3, [0.5, 1.5])


def test_a_verl_manager_keeps_its_loop_from_batch_to_batch(tmp_path):
    with RewardProcess(f"{RECORDERS}:VerlManager", None, Limits(seconds=20), tmp_path / "log") as process:
        asked = [Rollout("", "a", "a"), Rollout("", "\U0001f600 é", "b")]
        assert [[one.reward for one in process.score(asked)] for _ in range(3)] == [[1.5, 0.5]] * 3


def test_an_older_verl_manager_is_called_with_a_batch(tmp_path):
    heard = Heard("OlderVerlManager", tmp_path)
    assert (heard.convention, heard.threads, heard.rewards) == (
        "verl-manager-batch",
        [True, True],
        [0.0, 1.0],
    )
    assert [call["keywords"] for call in heard.calls] == [
        {"response": "three", "source": "shelf"},
        {"response": "B", "source": "unknown"},
    ]


def test_a_module_that_needs_verl_is_refused_in_one_line_that_says_so(tmp_path):
    with pytest.raises(AuditError) as refused:
        RewardProcess(f"{RECORDERS.parent}/needs_verl.py:compute_score", None, Limits(), tmp_path / "log")
    assert "it imports verl, which is not installed here" in str(refused.value)
    assert "\n" not in str(refused.value)

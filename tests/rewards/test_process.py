import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sft_audit.errors import AuditError
from sft_audit.rewards import Rollout
from sft_audit.rewards.process import Limits, RewardProcess, Scored

FUNCTIONS = Path(__file__).parent / "functions"
UNRULY = FUNCTIONS / "unruly.py"


def ask(name: str, *completions: str, log: Path, limits: Limits | None = None, **columns) -> list[Scored]:
    limits = limits or Limits(seconds=20)
    with RewardProcess(f"{UNRULY}:{name}", None, limits, log / "reward.log") as process:
        return process.score([Rollout("What?", text, "1", columns=columns) for text in completions])


@pytest.fixture
def listener():
    """A socket that waits for connections on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def reached(server: socket.socket) -> bool:
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_one_hanging_completion_is_told_and_the_others_are_scored_in_order(tmp_path):
    started = time.monotonic()
    scored = ask("hangs", "1", "hang", "3", "4", log=tmp_path, limits=Limits(seconds=0.5))
    assert [one.reward for one in scored] == [1.0, None, 3.0, 4.0]
    assert [one.error for one in scored] == [None, "timeout: no answer in 0.5 s", None, None]
    assert scored[1].seconds >= 0.5
    assert time.monotonic() - started < 15


def test_after_three_ends_the_rest_is_not_asked(tmp_path):
    started = time.monotonic()
    scored = ask("hangs", *["hang"] * 50, log=tmp_path, limits=Limits(seconds=0.5))
    assert time.monotonic() - started < 15
    assert [one.error for one in scored[:2]] == ["timeout: no answer in 0.5 s"] * 2
    assert {one.error for one in scored[2:]} == {
        "not asked, for it ended 3 times before: timeout: no answer in 0.5 s"
    }
    assert {one.reward for one in scored} == {None}


def of_families(*pairs: tuple[str, str]) -> list[Rollout]:
    return [Rollout("What?", text, "1", family=family) for family, text in pairs]


def test_a_family_that_hangs_is_put_aside_and_the_others_go_on(tmp_path):
    mixed = of_families(*[("short", "1"), ("long", "hang")] * 4, ("last", "2"))
    with RewardProcess(f"{UNRULY}:hangs_on_one", None, Limits(seconds=0.5), tmp_path / "log") as process:
        first, again = process.score(mixed), process.score(mixed)
    assert [one.reward for one in first] == [1.0, None] * 4 + [2.0]
    assert [one.reward for one in again] == [1.0, None] * 4 + [2.0]
    timeout = "timeout: no answer in 0.5 s"
    put_aside = f"not asked, for it ended 2 times on long: {timeout}"
    assert [one.error for one in first[1::2]] == [timeout] * 2 + [put_aside] * 2
    assert [one.error for one in again[1::2]] == [put_aside] * 4


def test_many_families_that_hang_come_to_an_end(tmp_path):
    mixed = of_families(("short", "1"), *[(f"long {at // 4}", "hang") for at in range(48)], ("short", "2"))
    with RewardProcess(f"{UNRULY}:hangs_on_one", None, Limits(seconds=0.5), tmp_path / "log") as process:
        scored = process.score(mixed)
    errors = [one.error for one in scored if one.error]
    assert scored[0].reward == 1.0
    assert sum(error.startswith("timeout") for error in errors) == 11  # the batch was the twelfth end
    assert sum(error.startswith("not asked") for error in errors) == len(mixed) - 1 - 11
    assert scored[-1].error == "not asked, for it ended 12 times before: timeout: no answer in 0.5 s"


def test_memory_is_limited(tmp_path):
    scored = ask("eats_memory", "1", "eat", log=tmp_path, limits=Limits(seconds=20, memory=1200 << 20))
    assert scored[0].reward == 1.0
    assert scored[1].error == "MemoryError"
    roomy = ask("eats_memory", "eat", log=tmp_path, limits=Limits(seconds=20, memory=8 << 30))
    assert roomy[0].reward == 24.0


@pytest.mark.parametrize(("completion", "said"), [("exit 3", "died: exit code 3"), ("kill", "died: SIGKILL")])
def test_the_end_of_the_process_is_told(completion, said, tmp_path):
    scored = ask("leaves", "a", completion, "b", log=tmp_path)
    assert [one.error for one in scored] == [None, said, None]
    assert [one.reward for one in scored] == [1.0, None, 1.0]


def test_an_exception_is_laid_to_the_rollout_that_raised_it(tmp_path):
    scored = ask("raises", "1", "0", "4", "x", log=tmp_path)
    assert [one.reward for one in scored] == [1.0, None, 0.25, None]
    assert scored[1].error == "ZeroDivisionError: float division by zero"
    assert scored[3].error == "ValueError: could not convert string to float: 'x'"


def test_leaving_python_is_an_error_like_another(tmp_path):
    assert ask("stops_python", "a", log=tmp_path)[0].error == "SystemExit: enough"


def test_a_wrong_number_of_rewards_is_an_error(tmp_path):
    scored = ask("counts_too_few", "a", log=tmp_path) + ask("counts_too_few", "a", "b", log=tmp_path)
    assert [one.reward for one in scored] == [1.0, None, None]
    with RewardProcess(f"{UNRULY}:prints", "verl", Limits(seconds=20), tmp_path / "log") as process:
        assert process.score([Rollout("", "", "")])[0].error.startswith("TypeError: prints() missing")


def test_none_is_no_reward_and_what_is_not_finite_is_an_error(tmp_path):
    scored = ask("nothing_and_no_number", "nan", "none", "-inf", "2", log=tmp_path)
    assert [one.reward for one in scored] == [None, None, None, 2.0]
    assert [one.error for one in scored] == ["returned nan", None, "returned -inf", None]


def test_a_generator_is_gone_over_as_trl_does(tmp_path):
    assert [one.reward for one in ask("yields", "1", "2", log=tmp_path)] == [1.0, 2.0]


def test_an_error_names_no_address(tmp_path):
    error = ask("names_an_address", "a", log=tmp_path)[0].error
    assert error == "ValueError: cannot judge <object object at 0x…>"


@pytest.mark.parametrize(
    "said", ["hello", "null", "[]", '{"scored": [], "refused": []}', '{"scored": [5, 5]}']
)
def test_a_function_that_writes_where_the_answers_go_ends(said, tmp_path):
    scored = ask("writes_answers", "1", said, log=tmp_path)
    assert [one.reward for one in scored] == [1.0, None]
    assert scored[1].error.startswith("died: killed, for what it answered cannot be read")


def test_of_a_function_that_forks_one_answers(tmp_path):
    with RewardProcess(f"{UNRULY}:forks", None, Limits(seconds=20), tmp_path / "log") as process:
        rewards = [
            one.reward
            for part in (["1", "2"], ["3", "4"], ["5", "6"])
            for one in process.score([Rollout("What?", text, "1") for text in part])
        ]
    assert rewards == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_a_batch_that_is_too_long_is_no_end_and_the_next_are_shorter(tmp_path):
    batch = [Rollout("What?", str(at), "1") for at in range(4)]
    with RewardProcess(f"{UNRULY}:takes_its_time", None, Limits(seconds=1.3), tmp_path / "log") as process:
        scored = process.score(batch) + process.score(batch)
        assert (process._deaths, process._most) == (0, 2)
    assert [one.error for one in scored] == [None] * 8


def test_verls_samples_are_asked_beside_one_another(tmp_path):
    batch = [Rollout("What?", str(at), "1") for at in range(10)]
    with RewardProcess(f"{UNRULY}:asks_a_slow_judge", None, Limits(seconds=4), tmp_path / "log") as process:
        scored = process.score(batch)
        assert process._most == 32
    assert [one.reward for one in scored] == [float(at) for at in range(10)]


def test_what_it_prints_goes_to_the_log(tmp_path):
    scored = ask("prints", "a", "b", log=tmp_path)
    assert [one.reward for one in scored] == [1.0, 1.0]
    log = (tmp_path / "reward.log").read_text()
    assert "to the descriptor\n" in log
    assert "to stderr\n" in log
    assert log.count("x") >= 1_000_000


def test_it_has_no_standard_input(tmp_path):
    assert [one.reward for one in ask("reads", "a", "b", log=tmp_path)] == [0.0, 0.0]


def test_a_connection_to_loopback_is_refused_and_noted(listener, tmp_path):
    host, port = listener.getsockname()
    scored = ask("connects", "a", log=tmp_path, address=[host, port])[0]
    assert scored.reward is None
    assert scored.error == (f"PermissionError: no network: {host}:{port}; allow it with --allow-host {host}")
    assert scored.refused == (f"{host}:{port}",)
    assert not reached(listener)


def test_another_host_that_is_allowed_opens_no_door(listener, tmp_path):
    limits = Limits(seconds=20, hosts=("192.0.2.1",))
    scored = ask("connects", "a", log=tmp_path, limits=limits, address=listener.getsockname())[0]
    assert scored.refused == ("{}:{}".format(*listener.getsockname()),)
    assert not reached(listener)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_host_that_is_allowed_is_reached(host, listener, tmp_path):
    port = listener.getsockname()[1]
    limits = Limits(seconds=20, hosts=(host,))
    scored = ask("connects", "a", log=tmp_path, limits=limits, address=["127.0.0.1", port])[0]
    assert (scored.reward, scored.error, scored.refused) == (1.0, None, ())
    assert reached(listener)


def test_a_program_that_it_starts_has_no_network_either(listener, tmp_path):
    allowed = Limits(seconds=20, hosts=("127.0.0.1",))
    address = listener.getsockname()
    open_ = ask("connects_in_a_program", "a", log=tmp_path, limits=allowed, address=address)
    assert open_[0].reward == 1.0
    assert reached(listener)
    if not namespaces():
        pytest.skip("this system lets nobody make a network namespace")
    assert ask("connects_in_a_program", "a", log=tmp_path, address=address)[0].reward == 0.0
    assert not reached(listener)


def namespaces() -> bool:
    program = "from sft_audit.rewards.child import _leave_network as leave; import os\n"
    program += "was = os.readlink('/proc/self/ns/net'); leave()\n"
    program += "raise SystemExit(was == os.readlink('/proc/self/ns/net'))"
    return (
        sys.platform == "linux"
        and subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    )


def test_what_it_started_is_killed_with_it(tmp_path):
    note = tmp_path / "pid"
    limits = Limits(seconds=2)
    scored = ask("starts_a_program", "a", log=tmp_path, limits=limits, note=str(note))
    assert scored[0].error == "timeout: no answer in 2 s"
    assert ended(int(note.read_text()))


def test_on_linux_what_left_its_session_is_killed_too(tmp_path):
    if sys.platform != "linux":
        pytest.skip("only Linux tells what a process was started with")
    note = tmp_path / "pid"
    assert ask("leaves_a_program", "a", log=tmp_path, note=str(note))[0].reward == 1.0
    assert ended(int(note.read_text()))


def test_on_linux_the_process_ends_with_an_audit_that_is_killed(tmp_path):
    if sys.platform != "linux":
        pytest.skip("only Linux tells a process that its parent ended")
    note = tmp_path / "pid"
    program = f"""
from pathlib import Path
from sft_audit.rewards import Rollout
from sft_audit.rewards.process import Limits, RewardProcess
process = RewardProcess("{UNRULY}:sleeps", None, Limits(), Path("{tmp_path}/log"))
process.score([Rollout("What?", "a", "1", columns={{"note": "{note}"}})])
"""
    with subprocess.Popen([sys.executable, "-c", program]) as audit:
        until = time.monotonic() + 60
        while not (note.exists() and note.read_text()) and time.monotonic() < until:
            time.sleep(0.05)
        audit.kill()
    assert ended(int(note.read_text()))


def ended(pid: int) -> bool:
    """Return whether a process ends within five seconds; one that nobody has waited for yet has ended."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            f"{FUNCTIONS}/broken.py:reward",
            "loading it raised ModuleNotFoundError: No module named 'a_package",
        ),
        (f"{FUNCTIONS}/exits.py:reward", "loading it: died: exit code 7"),
        (f"{UNRULY}:hang", "unruly.py has no hang; did you mean hangs?"),
        (f"{FUNCTIONS}/missing.py:reward", "no such file; give the reward function as FILE.py:NAME"),
        ("reward", "reward: give the function too, as FILE.py:NAME"),
        ("no_such_module:reward", "loading it raised ModuleNotFoundError"),
        (f"{UNRULY}:time", "no trainer calls a reward function in this way"),
    ],
)
def test_a_function_that_cannot_be_had_is_refused_in_one_line(target, said, tmp_path):
    with pytest.raises(AuditError) as refused:
        RewardProcess(target, None, Limits(), tmp_path / "log")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_trainer_that_is_not_known_is_refused(tmp_path):
    with pytest.raises(AuditError, match=r"--trainer tlr: not known; one of .*trl"):
        RewardProcess(f"{UNRULY}:raises", "tlr", Limits(), tmp_path / "log")


def test_closing_ends_the_process(tmp_path):
    with RewardProcess(f"{UNRULY}:raises", None, Limits(), tmp_path / "log") as process:
        pid = process._child.pid
    assert ended(pid)


def test_one_reward_for_a_batch_is_an_error_though_one_by_one_the_count_is_right(tmp_path):
    scored = ask("one_for_all", "1", "2", "3", log=tmp_path)
    assert {one.reward for one in scored} == {None}
    assert {one.error for one in scored} == {"WrongCountError: returned 1 rewards, but 3 were expected"}


def test_text_is_no_reward(tmp_path):
    scored = ask("texts", "1", "2", log=tmp_path)
    assert {one.error for one in scored} == {
        "TypeError: returned text for a reward, but a number was expected"
    }

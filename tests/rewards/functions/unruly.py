"""Reward functions that do what they must not, some only where the completion says so."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2)"


def _texts(completions):
    return [one[0]["content"] for one in completions]


def hangs(completions, **columns):
    while "hang" in _texts(completions):
        time.sleep(1)
    return [float(text) for text in _texts(completions)]


def eats_memory(completions, **columns):
    held = [bytearray(1 << 26) for _ in range(24 if "eat" in _texts(completions) else 1)]
    return [float(len(held))] * len(completions)


def leaves(completions, **columns):
    for text in _texts(completions):
        if text.startswith("exit"):
            os._exit(int(text.split()[1]))
        if text == "kill":
            signal.raise_signal(signal.SIGKILL)
    return [1.0] * len(completions)


def raises(completions, **columns):
    return [1 / float(text) for text in _texts(completions)]


def stops_python(completions, **columns):
    sys.exit("enough")


def counts_too_few(completions, **columns):
    return [1.0]


def prints(completions, **columns):
    os.write(1, b"to the descriptor\n")
    print("x" * 1_000_000)
    print("to stderr", file=sys.stderr)
    return [1.0] * len(completions)


def reads(completions, **columns):
    return [float(len(sys.stdin.read()))] * len(completions)


def connects(completions, address, **columns):
    for host, port in address:
        socket.create_connection((host, port), timeout=2).close()
    return [1.0] * len(completions)


def connects_in_a_program(completions, address, **columns):
    program = [sys.executable, "-c", _CONNECT, *(str(part) for part in address[0])]
    return [float(subprocess.run(program, check=False, stderr=subprocess.DEVNULL).returncode == 0)]


def starts_a_program(completions, note, **columns):
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(note[0]).write_text(str(program.pid))
    program.wait()


def nothing_and_no_number(completions, **columns):
    return [None if text == "none" else float(text) for text in _texts(completions)]


def hangs_on_one(data_source, solution_str, ground_truth, extra_info=None):
    while solution_str == "hang":
        time.sleep(1)
    return float(solution_str)


def writes_answers(completions, **columns):
    said = next((one for one in _texts(completions) if not one.isdigit()), "")
    for descriptor in range(3, 40) if said else ():
        with suppress(OSError):
            os.write(descriptor, f"{said}\n".encode())
    return [1.0] * len(completions)


def forks(completions, **columns):
    os.fork()
    return [float(text) for text in _texts(completions)]


def names_an_address(completions, **columns):
    raise ValueError(f"cannot judge {object()}")


def takes_its_time(completions, **columns):
    time.sleep(0.4 * len(completions))
    return [1.0] * len(completions)


def asks_a_slow_judge(data_source, solution_str, ground_truth, extra_info=None):
    time.sleep(0.5)
    return float(solution_str)


def sleeps(completions, note, **columns):
    Path(note[0]).write_text(str(os.getpid()))
    time.sleep(600)


def leaves_a_program(completions, note, **columns):
    program = [sys.executable, "-c", "import time; time.sleep(600)"]
    Path(note[0]).write_text(str(subprocess.Popen(program, start_new_session=True).pid))
    return [1.0]


def yields(completions, **columns):
    for text in _texts(completions):
        yield float(text)


def one_for_all(completions, **kwargs):
    return [1.0]


def texts(completions, **kwargs):
    return ["1"] * len(completions)

"""Ctrl-C, kill -9 or a second run in the middle of an audit: nothing half-read is published, nobody stays."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")

COLOURS = ("Red", "Green", "Blue", "Yellow")
RESULTS = ("findings.parquet", "verdict.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set that takes some seconds: 600 images, 8,000 questions, a few faults."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "images").mkdir()
    noise = np.random.default_rng(1)
    for number in range(600):
        small = Image.fromarray(noise.integers(0, 256, (12, 16, 3)).astype(np.uint8))
        small.resize((320, 240), Image.Resampling.BICUBIC).save(folder / "images" / f"{number}.jpg")
    random = Random(1)
    rows = [
        {
            "id": number,
            "image": f"{random.randrange(603)}.jpg",
            "conversations": [
                {"from": "human", "value": f"<image>\nWhat colour is thing number {number % 977}?"},
                {"from": "gpt", "value": random.choice(COLOURS)},
            ],
        }
        for number in range(8_000)
    ]
    (folder / "rows.json").write_text(json.dumps(rows))
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> dict[str, bytes]:
    finish(folder, folder / "undisturbed")
    return results(folder / "undisturbed")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "audit"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB, where this process may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], capture_output=True, check=False
    ).returncode:
        pytest.skip("may not mount a small file system here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def start(folder: Path, out: Path) -> subprocess.Popen:
    program = Path(sys.executable).with_name("sft-audit")
    command = [
        program,
        "data",
        folder / "rows.json",
        "--images",
        folder / "images",
        "-o",
        out,
        "--workers",
        "2",
    ]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, text=True
    )


def finish(folder: Path, out: Path) -> None:
    process = start(folder, out)
    _, said = process.communicate(timeout=300)
    assert process.returncode in (0, 1), said


def results(audit: Path) -> dict[str, bytes]:
    return {name: (audit / name).read_bytes() for name in RESULTS}


def members(session: int) -> list[int]:
    """Return the processes of a session that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, own = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(own) == session and state != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_until(true: object, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False


def hit(process: subprocess.Popen, out: Path, when: str, number: int, *, group: bool) -> None:
    """Send the signal at the named moment of the audit."""
    partial = out.parent / f".{out.name}.partial"
    assert wait_until(partial.exists, 60)
    if when == "with workers":
        assert wait_until(lambda: len(members(process.pid)) >= 3, 60)
    elif when == "later":
        assert wait_until(lambda: len(members(process.pid)) >= 3, 60)
        time.sleep(0.5)
    (os.killpg if group else os.kill)(process.pid, number)


@pytest.mark.parametrize(
    ("when", "group"),
    [("at the start", False), ("with workers", True), ("later", True)],
    ids=["start-process", "workers-terminal", "later-terminal"],
)
def test_ctrl_c_leaves_nothing(
    folder: Path, out: Path, undisturbed: dict[str, bytes], when: str, group: bool
) -> None:
    process = start(folder, out)
    hit(process, out, when, signal.SIGINT, group=group)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "sft-audit: interrupted; no result was written\n")
    assert not out.exists()
    assert not list(out.parent.iterdir())
    assert wait_until(lambda: not members(process.pid), 20), members(process.pid)
    finish(folder, out)
    assert results(out) == undisturbed


@pytest.mark.parametrize("when", ["with workers", "later"])
def test_kill_leaves_nothing_that_looks_whole(
    folder: Path, out: Path, undisturbed: dict[str, bytes], when: str
) -> None:
    process = start(folder, out)
    hit(process, out, when, signal.SIGKILL, group=False)
    process.communicate(timeout=60)
    assert not out.exists()
    assert wait_until(lambda: not members(process.pid), 30), members(process.pid)
    finish(folder, out)
    assert results(out) == undisturbed
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_a_killed_run_leaves_the_earlier_audit(
    folder: Path, out: Path, undisturbed: dict[str, bytes]
) -> None:
    finish(folder, out)
    process = start(folder, out)
    hit(process, out, "with workers", signal.SIGKILL, group=True)
    process.communicate(timeout=60)
    assert results(out) == undisturbed


def test_a_second_run_into_the_same_folder_is_refused(
    folder: Path, out: Path, undisturbed: dict[str, bytes]
) -> None:
    first = start(folder, out)
    assert wait_until((out.parent / f".{out.name}.partial").exists, 60)
    second = start(folder, out)
    _, said = second.communicate(timeout=60)
    assert second.returncode == 2
    assert said.count("\n") == 1
    assert "another sft-audit is writing to it" in said
    _, said = first.communicate(timeout=300)
    assert first.returncode in (0, 1), said
    assert results(out) == undisturbed
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_a_mount_point_is_refused_before_the_work(folder: Path, small_disk: Path) -> None:
    process = start(folder, small_disk)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"write -o {small_disk / 'audit'}" in said
    assert not list(small_disk.iterdir())


def test_too_little_space_is_said_before_the_work(folder: Path, small_disk: Path) -> None:
    process = start(folder, small_disk / "audit")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.count("\n") == 1
    assert "MiB are needed" in said
    assert not list(small_disk.iterdir())

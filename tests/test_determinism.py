"""The same inputs and options give the same bytes, whatever the number of workers and the order of files."""

import json
from pathlib import Path

import pytest
from rows import write

from sft_audit import audit_data, audit_prompts, audit_reward
from sft_audit.example import ANSWERS, SAMPLES_WITH_CLAIMS

RESULTS = ("findings.parquet", "verdict.json")


def results(audit: Path) -> dict[str, bytes]:
    return {name: (audit / name).read_bytes() for name in RESULTS}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration's data set, with every fault in it."""
    pytest.importorskip("skimage")
    from sft_audit.demo import make_faulty_data_set

    folder = tmp_path_factory.mktemp("faulty")
    make_faulty_data_set(folder, 3)
    return folder


def audit(faulty: Path, out: Path, **options: object) -> dict[str, bytes]:
    audit_data(
        faulty / "rows.json",
        images=faulty / "images",
        preferences=(faulty / "preferences.jsonl",),
        out=out,
        **options,
    )
    return results(out)


def test_equal_bytes_for_any_number_of_workers(faulty: Path, tmp_path: Path) -> None:
    one = audit(faulty, tmp_path / "one", workers=1)
    assert audit(faulty, tmp_path / "two", workers=2) == one
    assert audit(faulty, tmp_path / "three", workers=3, memory_limit="1GB") == one


def test_equal_bytes_for_a_sample(faulty: Path, tmp_path: Path) -> None:
    one = audit(faulty, tmp_path / "one", workers=1, sample=300, seed=5)
    assert audit(faulty, tmp_path / "two", workers=2, sample=300, seed=5) == one


def test_equal_bytes_for_a_reward(tmp_path: Path) -> None:
    judge = Path(__file__).parent / "rewards" / "functions" / "defective.py"
    data, log = write(tmp_path / "rows.json", ANSWERS), write(tmp_path / "log.json", SAMPLES_WITH_CLAIMS)
    for workers in (1, 2):
        options = {"samples": log, "answers": 8, "out": tmp_path / str(workers), "workers": workers}
        report = audit_reward(f"{judge}:whole_completion", data, **options)
        assert json.loads((report.folder / "manifest.json").read_text())["median_seconds"] > 0
        assert "ms (median)" in (report.folder / "report.html").read_text()
    assert results(tmp_path / "1") == results(tmp_path / "2")


def test_equal_bytes_for_prompts(tmp_path: Path) -> None:
    prompts = [
        {"id": f"{at}", "image": "a.jpg", "problem": f"<image>Is mug {at} red?", "solution": "yes"}
        for at in range(30)
    ]
    logged = [
        {"id": one["id"], "completions": ["yes", "no"] * 8, "rewards": [1, 0] * 8} for one in prompts[:20]
    ]
    data, log = write(tmp_path / "rows.json", prompts), write(tmp_path / "log.json", logged)
    for workers in (1, 2):
        options = {"samples": log, "blind_samples": log, "eval": data, "gpu_hours": 10}
        report = audit_prompts(data, out=tmp_path / str(workers), workers=workers, **options)
        assert "taken by this audit" in (report.folder / "report.html").read_text()
    assert results(tmp_path / "1") == results(tmp_path / "2")


def test_real_set(shared_data: Path, tmp_path: Path) -> None:
    rows, images = shared_data / "coco" / "llava.json", shared_data / "coco" / "images"
    for workers in (1, 2):
        audit_data(rows, images=images, out=tmp_path / str(workers), workers=workers)
    assert results(tmp_path / "1") == results(tmp_path / "2")

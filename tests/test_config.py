"""Configuration: what is given, and how mistakes are told."""

from pathlib import Path

import pytest

from sft_audit.config import AuditConfig, PromptsConfig, RewardConfig, load_config, parse_config
from sft_audit.errors import AuditError

WAIVER = {"reason": "frames", "who": "mira", "until": "2027-03-01"}


def test_a_waiver_names_a_check_in_either_way_or_a_family() -> None:
    named = ("con401", "conflicting-answers", "con")
    config = parse_config({"data": "x", "ignore": [{**WAIVER, "check": one} for one in named]}, "audit.yaml")
    assert [waiver.check for waiver in config.ignore] == ["CON401", "CON401", "CON"]


def test_data_is_named_here_or_there(tmp_path: Path) -> None:
    file = tmp_path / "audit.yaml"
    file.write_text("sample: 10\n")
    assert load_config(file, {"data": [Path("x")]}).data == (Path("x"),)
    with pytest.raises(AuditError, match="no data set is named; give DATA, or `data:`"):
        load_config(file, {"data": None})


def test_flags_lie_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "audit.yaml"
    file.write_text("data: rows.json\nsample: 10\nseed: 3\n")
    config = load_config(file, {"sample": 20, "seed": None})
    assert (config.data, config.sample, config.seed) == ((Path("rows.json"),), 20, 3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"data": "x", "smaple": 3}, "did you mean 'sample'"),
        ({"data": "x", "sample": 0}, "sample: input should be greater than 0 (got 0)"),
        ({"data": "x", "image_tokens": "llava"}, "image_tokens"),
        ({"data": "x", "ignore": [{"chek": "CON401"}]}, "did you mean 'check'"),
        (
            {"data": "x", "ignore": [{**WAIVER, "check": "CON4O1"}]},
            "audit.yaml: CON4O1: there is no such check",
        ),
        ({}, "data: field required"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(values: dict, message: str) -> None:
    with pytest.raises(AuditError) as fault:
        parse_config(values, "audit.yaml")
    assert message in str(fault.value)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(("text", "message"), [("[1]", "expected a mapping"), ("a: [", "not YAML")])
def test_a_file_that_is_no_mapping(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "audit.yaml"
    file.write_text(text)
    with pytest.raises(AuditError, match=message):
        load_config(file, {})


@pytest.mark.parametrize(
    ("kind", "text", "key"),
    [
        (RewardConfig, "target: judge.py:reward\nthreshold: .nan", "threshold"),
        (RewardConfig, "target: judge.py:reward\nseconds: .inf", "seconds"),
        (PromptsConfig, "samples: log.jsonl\nthreshold: .nan", "threshold"),
        (PromptsConfig, "samples: log.jsonl\nmin_signal: .nan", "min_signal"),
        (PromptsConfig, "samples: log.jsonl\ngpu_hours: .inf", "gpu_hours"),
        (AuditConfig, "checks: {GRD201: {least: .nan}}", "checks.GRD201.least"),
    ],
)
def test_what_is_not_a_number_is_refused(tmp_path: Path, kind: type, text: str, key: str) -> None:
    file = tmp_path / "audit.yaml"
    file.write_text(f"data: rows.json\n{text}\n")
    with pytest.raises(AuditError, match=rf"{key}: .*number.* \(got (nan|inf)\)"):
        load_config(file, {}, kind)


def test_prompts_are_held_against_something() -> None:
    with pytest.raises(AuditError, match=r"^command line: .*give --samples LOG, --sft DATA or --eval DATA$"):
        load_config(None, {"data": "x", "blind_samples": "log"}, PromptsConfig)
    for option in ("samples", "sft", "eval"):
        load_config(None, {"data": "x", option: "y"}, PromptsConfig)


def test_a_flag_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(AuditError, match=r"threshold: .*number.* \(got nan\)"):
        load_config(None, {"data": "x", "samples": "log", "threshold": float("nan")}, PromptsConfig)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="no such file"):
        load_config(tmp_path / "none.yaml", {})

"""`sft-audit prompts` as a user meets it."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import sft_audit
from sft_audit.errors import AuditError
from sft_audit.sample import content_hash
from sft_audit.testing import findings_of, make_images

PROGRAM = Path(sys.executable).parent / "sft-audit"
COUNT = 200


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return path


def polar(with_image: float, without: float, k: int = 10) -> tuple[list, list, list]:
    """Return yes or no prompts, and logs of a model that is right this often with the image and without."""
    rng = random.Random(0)
    prompts, seen, blind = [], [], []
    for at in range(COUNT):
        gold = ("yes", "no")[at % 2]
        asked = f"Is there a mug on shelf {at}?"
        prompts.append(
            {"id": f"p{at}", "image": f"{at}.jpg", "problem": f"<image>\n{asked}", "solution": gold}
        )
        for log, share in ((seen, with_image), (blind, without)):
            said = [gold if rng.random() < share else ("no", "yes")[at % 2] for _ in range(k)]
            log.append({"prompt": f"USER: {asked} ASSISTANT:", "completions": said})
    return prompts, seen, blind


def audit(folder: Path, sets: tuple[list, list, list], **options: object) -> dict:
    prompts, seen, blind = sets
    report = sft_audit.audit_prompts(
        write(folder / "prompts.jsonl", prompts),
        samples=write(folder / "seen.jsonl", seen),
        blind_samples=write(folder / "blind.jsonl", blind),
        out=folder / "audit",
        workers=1,
        **options,
    )
    return json.loads((report.folder / "verdict.json").read_text())


def test_a_seeing_yes_no_model_passes_blindness(tmp_path: Path) -> None:
    verdict = audit(tmp_path, polar(0.85, 0.5))
    assert verdict["axes"]["blindness"] == "PASS"
    assert "SIG102" not in verdict["findings"]


def test_a_model_that_does_not_need_the_image_is_blocked(tmp_path: Path) -> None:
    verdict = audit(tmp_path, polar(0.9, 0.85))
    assert verdict["axes"]["blindness"] == "BLOCK"
    reason = next(one for one in verdict["reasons"] if "SIG102" in one)
    assert "where chance is 50.0 %" in reason


def test_one_that_needs_it_a_little_less_is_reviewed(tmp_path: Path) -> None:
    assert audit(tmp_path, polar(0.9, 0.58))["axes"]["blindness"] == "REVIEW"


def test_without_rewards_answers_are_read_and_what_cannot_be_is_counted(tmp_path: Path) -> None:
    prompts, seen, blind = polar(0.5, 0.5, k=4)
    seen[0]["completions"] = ["<think>no</think><answer>Yes.</answer>", r"\boxed{no}", "I cannot tell", "yes"]
    verdict = audit(tmp_path, (prompts, seen, blind))
    rows = pq.read_table(tmp_path / "audit" / "subset.parquet").to_pylist()
    assert (rows[0]["n"], rows[0]["right"]) == (3, 2)
    assert "reads as the known answer" in verdict["prompts"]["signal"]["threshold_from"]


def test_without_rewards_an_open_answer_is_told_neither_right_nor_wrong(tmp_path: Path) -> None:
    prompts, seen, blind = polar(0.5, 0.5, k=4)
    prompts[0] |= {
        "problem": "<image>\nIs there a mug on shelf 0? What does the sign say?",
        "solution": "mind the step",
    }
    seen[0] = {"id": "p0", "completions": ["mind the step", "mind the gap"] * 2}
    audit(tmp_path, (prompts, seen, blind[1:]))
    rows = pq.read_table(tmp_path / "audit" / "subset.parquet").to_pylist()
    assert (rows[0]["n"], rows[0]["right"], rows[0]["why"]) == (0, 0, "not sampled")


def graded(folder: Path, rewards: dict[str, list[float]], **options: object) -> dict:
    """Audit prompts with these rewards; return the verdict."""
    prompts = [
        {
            "id": name,
            "prompt": f"<image>How many mugs are on shelf {name}?",
            "solution": "3",
            "image": "a.jpg",
        }
        for name in rewards
    ]
    log = [{"id": name, "completions": ["so"] * len(one), "rewards": one} for name, one in rewards.items()]
    report = sft_audit.audit_prompts(
        write(folder / "prompts.jsonl", prompts),
        samples=write(folder / "log.jsonl", log),
        out=folder / "audit",
        workers=1,
        **options,
    )
    return json.loads((report.folder / "verdict.json").read_text())


@pytest.mark.parametrize(
    ("rewards", "declared", "threshold", "right"),
    [
        ([0.0, 1.0], None, 0.5, 1),
        ([-1.0, 1.0], None, 0.0, 1),
        ([0.0, 1.0, 2.0], None, 1.0, 1),
        ([0.2, 0.4], 0.1, 0.1, 2),
        ([1.0, 1.0], None, 0.5, 2),
        ([*[0.0, 1.0] * 20, -9.0], None, 0.5, 20),
        ([*[-1.0, 2.0] * 20, 900.0], None, 0.5, 21),
        ([*[1.0] * 92, *[-9.0, 9.0] * 4], None, 0.5, 96),
        ([5.0, 5.0], 4.0, 4.0, 2),
    ],
)
def test_the_threshold_is_declared_or_found(
    tmp_path: Path, rewards: list[float], declared: float | None, threshold: float, right: int
) -> None:
    options = {} if declared is None else {"threshold": declared}
    signal = graded(tmp_path, {"a": rewards}, **options)["prompts"]["signal"]
    assert signal["threshold"] == threshold
    assert pq.read_table(tmp_path / "audit" / "subset.parquet")["right"].to_pylist() == [right]


@pytest.mark.parametrize("rewards", [[5.0] * 8, [5.0] * 39 + [0.0]])
def test_rewards_that_are_one_number_need_a_threshold(tmp_path: Path, rewards: list[float]) -> None:
    with pytest.raises(AuditError, match=r"logged rewards are 5, .*give --threshold"):
        graded(tmp_path, {"a": rewards})


def test_the_subset_keeps_signal_coverage_and_what_was_not_sampled(tmp_path: Path) -> None:
    rewards = {f"mixed{at}": [1.0, 0.0] * 8 for at in range(60)} | {
        f"solved{at}": [1.0] * 16 for at in range(60)
    }
    prompts = [
        {
            "id": name,
            "problem": f"<image>Are there mugs on shelf {name}?",
            "solution": "yes" if name.startswith("mixed") else "no",
            "image": "a.jpg",
        }
        for name in (*rewards, "unseen")
    ]
    log = [{"id": name, "completions": ["so"] * 16, "rewards": one} for name, one in rewards.items()]
    report = sft_audit.audit_prompts(
        write(tmp_path / "prompts.jsonl", prompts),
        samples=write(tmp_path / "log.jsonl", log),
        out=tmp_path / "audit",
        workers=1,
    )
    rows = {one["id"]: one for one in pq.read_table(report.folder / "subset.parquet").to_pylist()}
    why = [one["why"] for one in rows.values()]
    assert {name: why.count(name) for name in set(why)} == {
        "signal": 60,
        "no signal": 59,
        "coverage": 1,
        "not sampled": 1,
    }
    assert rows["unseen"]["kept"]
    kept = json.loads((report.folder / "subset.json").read_text())
    assert {one["id"] for one in kept} == {name for name, one in rows.items() if one["kept"]}
    signal = json.loads((report.folder / "verdict.json").read_text())["prompts"]["signal"]
    assert signal["no_signal"] == pytest.approx(0.5, abs=0.02)
    assert signal["saving_low"] <= signal["saving"] <= signal["saving_high"]
    assert signal["saving"] == pytest.approx(0.48, abs=0.05)


def test_the_ledger_is_in_the_users_own_prices(tmp_path: Path) -> None:
    rewards = {f"{at}": [float(at % 2)] * 8 for at in range(40)}
    money = {"planned_rollouts": 7200, "seconds_per_rollout": 5.0, "price": 3.0}
    ledger = graded(tmp_path, rewards, **money)["prompts"]["ledger"]
    assert (ledger["hours"], ledger["price"], ledger["wasted"]) == (10, 3, 10)
    assert graded(tmp_path, rewards)["prompts"]["ledger"] is None


def test_the_command_says_what_is_wasted_and_where_the_subset_is(tmp_path: Path) -> None:
    make_images(tmp_path / "images")
    prompts, seen, _ = polar(0.9, 0.5)
    write(tmp_path / "prompts.jsonl", prompts)
    write(tmp_path / "seen.jsonl", seen)
    command = "prompts prompts.jsonl --samples seen.jsonl --gpu-hours 100 --price 2 --generations 4"
    done = subprocess.run(
        [str(PROGRAM), *command.split()],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "of groups of 4 are expected to have no advantage" in done.stdout
    assert "200 (100 GPU-hours at 2) at stake" in done.stdout
    assert "s taken by this audit" in done.stdout
    assert "not asked, so not clean: SIG102 SIG103 SIG105" in done.stdout
    page = (tmp_path / "prompts-audit" / "report.html").read_text()
    assert "what these prompts teach" in page
    assert "subset.parquet" in page


def test_a_log_of_other_prompts_is_refused_in_one_line(tmp_path: Path) -> None:
    prompts, _, _ = polar(0.9, 0.5)
    write(tmp_path / "prompts.jsonl", prompts)
    write(tmp_path / "log.jsonl", [{"prompt": "Who?", "completion": "me", "reward": 1}])
    command = [str(PROGRAM), "prompts", "prompts.jsonl", "--samples", "log.jsonl"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
    assert done.returncode == 2
    assert "no completion in the logs of --samples has both a prompt of the data set" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_prompt_with_another_image_is_no_overlap_whatever_its_address() -> None:
    from sft_audit.check import find_check

    found = findings_of("SIG103", find_check("SIG103").bad[0])
    assert [(one["sample_id"], json.loads(one["evidence"])["rows"]) for one in found] == [
        ("data.json:1", ["eval.json:1"])
    ]


MUG = {"id": "a", "image": "a.jpg", "problem": "<image>\nIs there a mug?", "solution": "yes"}


@pytest.mark.parametrize(("option", "code"), [("eval", "SIG103"), ("sft", "SIG105")])
def test_rows_of_the_other_set_that_cannot_be_read_are_counted_with_their_place(
    tmp_path: Path, option: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    other = tmp_path / "other.jsonl"
    data = write(tmp_path / "prompts.jsonl", [MUG])
    options = {option: other, "out": tmp_path / "audit", "workers": 1}
    write(other, [MUG, {**MUG, "id": "b"}, {"id": "c", "n": 3}])
    report = sft_audit.audit_prompts(data, **options)
    assert code in report.counts
    assert "other.jsonl:3: " in caplog.text
    assert "not compared: 1 such in the file" in caplog.text
    other.write_text(json.dumps(MUG) + "\n" + '{"problem": "Is th\n' * 80)
    with pytest.raises(AuditError, match=rf"only 1 of 81 rows of --{option} can be read.*other\.jsonl:2: "):
        sft_audit.audit_prompts(data, **options)


def test_the_manifest_names_every_file_beside_the_prompts(tmp_path: Path) -> None:
    prompts, seen, blind = polar(0.9, 0.5, k=2)
    (tmp_path / "sft").mkdir()
    sets = [write(tmp_path / "sft" / f"{name}.jsonl", [MUG]) for name in "ab"]
    other = write(tmp_path / "eval.jsonl", [MUG])
    policy = tmp_path / "policy.yaml"
    policy.write_text("rules: []")
    audit(tmp_path, (prompts, seen, blind), sft=tmp_path / "sft", eval=other, policy=policy)
    beside = json.loads((tmp_path / "audit" / "manifest.json").read_text())["beside"]
    named = (*sets, other, policy, tmp_path / "seen.jsonl", tmp_path / "blind.jsonl")
    assert beside == {str(path): content_hash(path.read_bytes()) for path in named}

"""Checkpoints of one base model in order of readiness: by verdict, then by what they get right."""

import json
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from sft_audit.cli.checkpoint import by_name
from sft_audit.errors import AuditError
from sft_audit.ranking import rank
from sft_audit.report.terminal import ranking
from sft_audit.session import audit_checkpoint

sys.path.insert(0, str(Path(__file__).parent / "models"))
PROGRAM = Path(sys.executable).parent / "sft-audit"
ANSWERS = ("red", "green")
PROBES = 60
# Whether a model answers rightly at a place; the blind one says the same whatever it is shown.
MODELS: dict[str, Callable[[int], bool]] = {
    "base": lambda at: at % 4 != 3,
    "good": lambda at: at % 20 != 19,
    "worse": lambda at: at % 3 != 2,
    "blind": lambda at: at % 2 == 0,
}


def write_probes(folder: Path) -> Path:
    rows = []
    for at in range(PROBES):
        answer = ANSWERS[at % 2]
        Image.new("RGB", (16, 16), (4 * at, 0, 0)).save(folder / f"{at}.png")
        asked = "<image>\nwhat colour is the circle ?"
        turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": answer}]
        rows.append({"id": f"p{at}", "image": f"{at}.png", "conversations": turns})
    (folder / "probes.json").write_text(json.dumps(rows))
    return folder / "probes.json"


def write_log(path: Path, right: Callable[[int], bool], condition: str, blind: bool) -> Path:
    """Write what a model says: of an image swapped for one with the other answer the other."""
    swapped = condition == "swapped" and not blind
    rows = [
        {"id": f"p{at}", "prompt": "", "completion": ANSWERS[(at + swapped + (not right(at))) % 2]}
        for at in range(PROBES)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def audits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of three audits from logs, by name."""
    folder = tmp_path_factory.mktemp("ranking")
    probes = write_probes(folder)

    def logs(name: str, model: str) -> list[str]:
        return [
            f"{model}:{one}="
            f"{write_log(folder / f'{name}-{one}.jsonl', MODELS[name], one, blind=name == 'blind')}"
            for one in ("own", "swapped")
        ]

    return {
        name: audit_checkpoint(
            None,
            None,
            probes,
            samples=[*logs("base", "base"), *logs(name, "sft")],
            select=("CKP121", "CKP122"),
            out=folder / name,
            workers=1,
        ).folder
        for name in ("worse", "blind", "good")
    }


def test_the_better_verdict_comes_first_then_the_better_answers(audits: dict[str, Path]) -> None:
    good, worse, blind = rank(audits)
    assert [(one.place, one.name) for one in (good, worse, blind)] == [
        (1, "good"),
        (2, "worse"),
        (3, "blind"),
    ]
    assert good.verdict == worse.verdict == "PASS"
    assert blind.verdict == "BLOCK"
    assert blind.reasons[0].startswith("BLOCK blindness: CKP121 image-unused")
    assert good.measures["accuracy"][0] == 57 / 60
    assert good.measures["paired_accuracy"][0] == 27 / 30


def test_each_is_better_at_what_its_interval_says(audits: dict[str, Path]) -> None:
    better = {one.name: {(b.measure, b.than) for b in one.better_at} for one in rank(audits)}
    assert {("accuracy", "worse"), ("paired_accuracy", "worse"), ("unmoved", "blind")} <= better["good"]
    assert {name for name, than in better["worse"] if than == "good"} == set()
    assert better["blind"] == set()
    (found,) = (b for b in rank(audits)[0].better_at if (b.measure, b.than) == ("accuracy", "worse"))
    assert found.difference == pytest.approx(57 / 60 - 40 / 60)
    assert 0 < found.low < found.difference < found.high


def test_equals_stand_in_the_order_of_their_names(audits: dict[str, Path]) -> None:
    b, a = rank({"b": audits["good"], "a": audits["good"]})[::-1]
    assert (a.name, b.name, a.better_at) == ("a", "b", ())


@pytest.mark.parametrize("width", [80, 160])
def test_the_terminal_names_every_checkpoint_and_measure_in_full(audits: dict[str, Path], width: int) -> None:
    console = Console(width=width, file=StringIO(), color_system=None)
    console.print(ranking(rank(audits)))
    text = console.file.getvalue()
    assert "…" not in text.partition("\n\n")[0]
    assert max(len(line) for line in text.splitlines()) <= width
    for word in ("1. good", "2. worse", "3. blind", "paired_accuracy", "unmoved", "BLOCK", "0.95 (0.8"):
        assert word in text
    assert "good is better than worse at accuracy: +0.283" in " ".join(text.split())


def test_checkpoints_of_one_name_are_told_apart_and_one_given_twice_is_refused(tmp_path: Path) -> None:
    a, b = tmp_path / "a" / "last", tmp_path / "b" / "last"
    assert by_name([a, b]) == {"a-last": a, "b-last": b}
    assert by_name([a]) == {"last": a}
    with pytest.raises(AuditError, match="given twice"):
        by_name([a, b, tmp_path / "a" / ".." / "a" / "last"])
    done = run("checkpoint", "base", "a/last", "a/last", "--probes", "p.json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    command = [str(PROGRAM), *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300, check=False)


def test_the_command_ranks_several_checkpoints(tmp_path: Path) -> None:
    """They are another model and the base model itself."""
    pytest.importorskip("torch", reason="models are asked by torch")
    tiny = pytest.importorskip("tiny_vlm")
    base = tiny.save_llava(tmp_path / "base")
    for name in ("other", "same"):
        tiny.save_llava(tmp_path / name, seed=int(name == "other"))
    probes = write_probes(tmp_path)
    probes.write_text(json.dumps(json.loads(probes.read_text())[:6]))
    (tmp_path / "options.yaml").write_text("select: [CKP121]\ndraws: 1\nmax_new_tokens: 2\n")
    flags = ["--config", "options.yaml", "--out", "audits", "--json"]
    done = run("checkpoint", base, "other", "same", "--probes", probes, *flags, cwd=tmp_path)
    told = json.loads(done.stdout)["ranking"]
    assert sorted(one["name"] for one in told) == ["other", "same"]
    verdicts = [json.loads((tmp_path / one["folder"] / "verdict.json").read_text()) for one in told]
    assert [one["verdict"] for one in told] == [one["verdict"] for one in verdicts]
    assert done.returncode == verdicts[0]["exit_code"]
    assert {path.name for path in (tmp_path / "audits").iterdir()} == {"other", "same"}
    assert len(list((tmp_path / ".audits.answers").iterdir())) == 3

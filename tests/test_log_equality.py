"""Logs of evaluation harnesses say of two models what asking the models on the same probes says."""

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from sft_audit.session import Report, audit_checkpoint
from sft_audit.store import Store

pytest.importorskip("torch", reason="models are asked by torch")
pytest.importorskip("transformers", reason="models are of transformers' classes")

MEASURES = {
    "accuracy",
    "accuracy_above_chance",
    "paired_accuracy",
    "unmoved",
    "swap_gain",
    "image_gain",
    "blank_gain",
    "blind_accuracy",
    "mirage",
    "cue_following",
    "text_accuracy",
    "readable",
    "yes_bias",
}
SCENES = 12
CONDITIONS = ("own", "swapped", "none", "blank")


@dataclass(frozen=True)
class Spoken:
    """One answer of a model to one probe under one condition, and which probe that is."""

    id: str
    place: int
    question: str
    answer: str
    text: str


Written = Callable[[Path, Sequence[Spoken]], Path]


def write_lmms_eval(stem: Path, said: Sequence[Spoken]) -> Path:
    """Write `DATE_samples_TASK.jsonl`; the rows of a task have no id of their own here, only a place."""
    rows = [
        {
            "doc_id": one.place,
            "target": one.answer,
            "filtered_resps": one.text,
            "token_counts": [None],
            "doc_hash": f"{one.place:064x}",
            "exact_match": float(one.text == one.answer),
            "input": f"{one.question}\nAnswer the question using a single word or phrase.",
        }
        for one in said
    ]
    path = stem.with_suffix(".jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_vlmevalkit(stem: Path, said: Sequence[Spoken]) -> Path:
    """Write `MODEL_DATASET.tsv`, every cell in quotes."""
    path = stem.with_suffix(".tsv")
    with path.open("w", newline="") as out:
        table = csv.writer(out, delimiter="\t", quoting=csv.QUOTE_ALL)
        table.writerow(["index", "question", "answer", "prediction"])
        table.writerows([one.id, one.question, one.answer, one.text] for one in said)
    return path


def write_inspect(stem: Path, said: Sequence[Spoken]) -> Path:
    """Write the JSON form of a log."""
    samples = [
        {
            "id": one.id,
            "epoch": 1,
            "input": [{"role": "user", "content": [{"type": "text", "text": one.question}]}],
            "target": one.answer,
            "output": {"choices": [{"message": {"role": "assistant", "content": one.text}}]},
            "scores": {"match": {"value": "C" if one.text == one.answer else "I"}},
        }
        for one in said
    ]
    path = stem.with_suffix(".json")
    path.write_text(json.dumps({"version": 2, "status": "success", "eval": {}, "samples": samples}))
    return path


def make_pack(folder: Path) -> Path:
    """Write probes of drawn scenes: pairs with a swapped image, cues against the image, and text."""
    from random import Random

    from sft_audit.demo.world import draw, make_scene

    random, rows = Random(17), list[dict]()
    (folder / "images").mkdir(parents=True)

    def probe(question: str, answer: str, image: str | None, **said: object) -> None:
        asked = f"<image>\n{question}" if image else question
        turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": answer}]
        shown = {"image": image} if image else {}
        rows.append({"id": f"p{len(rows)}", **shown, "conversations": turns, "probe": said})

    scenes = [make_scene(random) for _ in range(SCENES)]
    for at, scene in enumerate(scenes):
        name, colour, two = f"images/{at}.png", scene.square, f"scenes {at // 2}"
        draw(scene).save(folder / name)
        probe("What colour is the square?", colour, name, family="pair", chance=0.2, cluster=f"colour, {two}")
        red, dots = "yes" if colour == "red" else "no", str(len(scene.dots))
        probe("Is the square red?", red, name, family="pair", chance=0.5, cluster=f"red, {two}")
        probe("How many dots are there?", dots, name, family="pair", chance=0.25, cluster=f"dots, {two}")
        other = next(one.square for one in scenes if one.square != colour)
        hint = f"Hint: the answer is {other}.\nWhat colour is the square?"
        probe(hint, colour, name, family="cue", cue=other)
        probe(f"Is {at} more than 5?", "yes" if at > 5 else "no", None, family="text", chance=0.5)
    (folder / "probes.json").write_text(json.dumps(rows))
    return folder / "probes.json"


@dataclass(frozen=True)
class Asked:
    """The probes, what two models said to them by model and condition, and what was measured."""

    probes: Path
    said: dict[tuple[str, str], list[Spoken]]
    changes: dict[str, tuple]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """Two models that are trained a little, so that they are right and wrong, asked."""
    from sft_audit.demo.tiny_vlm import fine_tune, train_base
    from sft_audit.demo.world import BLINDING, make_world

    folder = tmp_path_factory.mktemp("asked")
    probes = make_pack(folder / "pack")
    make_world(folder / "world", BLINDING, 2)
    base = train_base(folder / "base", 0, scenes=300, steps=120)
    rows = folder / "world" / "rows.json"
    sft = fine_tune(base, rows, folder / "world" / "images", folder / "sft", frozen=(), steps=15)
    report = audit_checkpoint(base, sft, probes, out=folder / "audit", **OPTIONS)
    store = Store(report.folder, "1GB", 1, read_only=True)
    responses = store.rows(
        """
        select model, condition, id, position, question, answer, text
        from responses
        join probes using (sample_id, turn)
        join samples using (sample_id)
        order by model, condition, position
        """
    )
    store.close()
    said = defaultdict(list)
    for model, condition, name, position, *rest in responses:
        said[model, condition].append(Spoken(name, position - 1, *rest))
    return Asked(probes, dict(said), changes(report))


OPTIONS = {"draws": 0, "max_new_tokens": 3, "gradients": 0, "select": ("CKP121",), "workers": 1}


def changes(report: Report) -> dict[str, tuple]:
    """Return all that was measured, by measure; q depends on which others there are."""
    assert not report.faults
    store = Store(report.folder, "1GB", 1, read_only=True)
    try:
        return {name: row for name, *row in store.rows("select * exclude (q) from changes")}
    finally:
        store.close()


def test_the_models_are_right_and_wrong(asked: Asked) -> None:
    assert asked.said.keys() == {(model, one) for model in ("base", "sft") for one in CONDITIONS}
    assert asked.changes.keys() - {"loss", "likelihood_gain", "blind_share"} == MEASURES
    values = {name: tuple(row[4:9:3]) for name, row in asked.changes.items()}
    assert all(
        0 < values[name][0] < 1 for name in ("accuracy", "paired_accuracy", "unmoved", "text_accuracy")
    )
    assert len({value for pair in values.values() for value in pair}) > 10


@pytest.mark.parametrize("write", [write_lmms_eval, write_vlmevalkit, write_inspect])
def test_a_log_says_to_the_last_bit_what_asking_says(asked: Asked, write: Written, tmp_path: Path) -> None:
    logs = [
        f"{model}:{condition}={write(tmp_path / f'{model}-{condition}', said)}"
        for (model, condition), said in asked.said.items()
    ]
    report = audit_checkpoint(None, None, asked.probes, samples=logs, out=tmp_path / "audit", **OPTIONS)
    assert changes(report) == {name: asked.changes[name] for name in MEASURES}


def test_another_answer_in_a_log_is_another_figure(asked: Asked, tmp_path: Path) -> None:
    logs = []
    for (model, condition), said in asked.said.items():
        silent = [Spoken(one.id, one.place, one.question, one.answer, "") for one in said]
        told = silent if (model, condition) == ("sft", "blank") else said
        logs.append(f"{model}:{condition}={write_vlmevalkit(tmp_path / f'{model}-{condition}', told)}")
    report = audit_checkpoint(None, None, asked.probes, samples=logs, out=tmp_path / "audit", **OPTIONS)
    found = changes(report)
    assert {name for name in MEASURES if found[name] != asked.changes[name]} == {"blank_gain"}

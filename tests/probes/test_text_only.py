"""A text-only model does not beat chance on a pack, though it does on the data that it was made from."""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from sft_audit import audit_data, make_probes
from sft_audit.interval import Rate
from sft_audit.record.canonical import canonicalise
from sft_audit.record.question import bare, read_question

pytest.importorskip("skimage", reason="the demonstration's photos come with scikit-image")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from sft_audit.demo.demonstration import make_faulty_data_set

    folder = tmp_path_factory.mktemp("demo")
    make_faulty_data_set(folder, 7)
    given = {"images": folder / "images", "preferences": folder / "preferences.jsonl", "workers": 1}
    audit_data(folder / "rows.json", out=folder / "audit", **given)
    make_probes(folder / "audit", folder / "pack")
    return folder


def questions(rows: list[dict]) -> list[tuple[str, str, dict]]:
    """Return the text, the answer's one spelling and the row of everything about an image with a value."""
    found = []
    for row in rows:
        asked = row["conversations"][0]["value"]
        value = canonicalise(read_question(bare(asked).strip()), row["conversations"][1]["value"])[1]
        if value is not None and "<image>" in asked:
            found.append((bare(asked), value, row))
    return found


def model() -> object:
    features = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), max_features=4000)
    return make_pipeline(features, LogisticRegression(C=10, max_iter=100, tol=1e-2))


def guesses(texts: list[str], answers: list[str], groups: list[str]) -> np.ndarray:
    """Return what is predicted from text for every question, with its own group left out of training."""
    return cross_val_predict(model(), texts, answers, groups=groups, cv=GroupKFold(4))


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_text_alone_does_not_beat_chance_on_the_demonstrations_pack(demo: Path) -> None:
    rows = [one for one in questions(read(demo / "pack" / "probes.jsonl")) if one[2]["probe"]["swapped"]]
    texts, answers, items = zip(*rows, strict=True)
    assert len(rows) > 300
    chance = np.mean([row["probe"]["chance"] for row in items])
    groups = [str(row.get("image", row.get("images"))) for row in items]
    right = guesses(list(texts), list(answers), groups) == np.array(answers)
    assert Rate(int(right.sum()), len(right), float("inf")).low <= chance
    by_cluster = defaultdict(list)
    fitted = model().fit(texts, answers)  # it has seen every answer: memory of texts does not help either
    for said, answer, row in zip(fitted.predict(texts), answers, items, strict=True):
        by_cluster[row["probe"]["cluster"]].append((said == answer, row["probe"]["chance"]))
    for said in by_cluster.values():
        assert sum(right for right, _ in said) <= sum(chance for _, chance in said) + 1e-9
    fitted_right = sum(right for said in by_cluster.values() for right, _ in said)
    rate = Rate(fitted_right, len(rows), float("inf"))
    assert rate.low <= chance <= rate.high


def test_what_text_knows_of_skewed_data_is_worth_nothing_on_their_pack(mugs: Path, tmp_path: Path) -> None:
    data = questions(json.loads((mugs / "rows.json").read_text()))
    texts, answers, items = zip(*(one for one in data if one[1] in ("yes", "no")), strict=True)
    right = guesses(list(texts), list(answers), [row["image"] for row in items]) == np.array(answers)
    assert Rate(int(right.sum()), len(right), float("inf")).low > 0.6
    pack = make_probes(mugs / "audit", tmp_path / "pack").folder
    asked = [one for one in questions(read(pack / "probes.jsonl")) if one[0] in texts]
    said = model().fit(texts, answers).predict([text for text, _, _ in asked])
    assert len(asked) > 10
    assert np.mean(said == np.array([answer for _, answer, _ in asked])) == 0.5

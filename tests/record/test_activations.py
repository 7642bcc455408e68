"""Activations of real models of a few thousand weights: benign, turned and blinded ones beside their base."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sft_audit.check import Tables, find_check
from sft_audit.config import CheckpointConfig, parse_config
from sft_audit.engine import Engine
from sft_audit.errors import AuditError
from sft_audit.record import Recording, all_recorders
from sft_audit.record.activations import activations, pictures_of
from sft_audit.record.labels import read_labels_of
from sft_audit.store import Store
from sft_audit.tables import TABLES

torch = pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
tiny = pytest.importorskip("tiny_vlm")

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 30), "blue": (30, 30, 220)}
N = 45
TOWER = "vision_tower"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a base model and fine-tunes of it; its random tower tells colours well enough."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("models")
    tiny.save_llava(root / "base")
    for seed in range(3):
        _tuned(root, f"benign-{seed}", lambda state, seed=seed: _shaken(state, 0.01, seed))
    _tuned(root, "turned", _turned)
    _tuned(root, "blinded", _blinded)
    _tuned(root, "broken", _broken)
    return root


def _tuned(root: Path, name: str, change: Callable[[dict], None]) -> None:
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    model = LlavaForConditionalGeneration.from_pretrained(root / "base")
    state = model.state_dict()
    with torch.no_grad():
        change(state)
    model.load_state_dict(state)
    tiny.save(root / name, model, AutoProcessor.from_pretrained(root / "base"))


def _shaken(state: dict, share: float, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    for value in state.values():
        value.add_(share * value.std(correction=0) * torch.randn(value.shape, generator=draw))


def _turned(state: dict) -> None:
    """Permute the tower's residual stream, which LayerNorm does not notice, and the projector's input too."""
    order = torch.randperm(32, generator=torch.Generator().manual_seed(1))
    written = ("class_embedding", "position_embedding.weight", "out_proj.bias", "fc2.bias")
    for name, value in state.items():
        if TOWER in name and "patch_embedding" in name:
            value.copy_(value[order].clone())
        elif TOWER in name and (name.endswith(written) or "norm" in name):
            value.copy_(value[..., order].clone())
        elif TOWER in name and name.endswith(("out_proj.weight", "fc2.weight")):
            value.copy_(value[order].clone())
        elif (TOWER in name and value.dim() == 2) or name.endswith("linear_1.weight"):
            value.copy_(value[:, order].clone())


def _blinded(state: dict) -> None:
    next(value for name, value in state.items() if "patch_embedding" in name).zero_()


def _broken(state: dict) -> None:
    next(value for name, value in state.items() if "patch_embedding" in name).fill_(float("nan"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Fill `probes` and `answers` with one question about many images, a duplicate and a lost one."""
    import pyarrow as pa

    all_recorders()
    rng = np.random.default_rng(0)
    rows = []
    for at in range(N):
        colour = list(COLOURS)[at % 3]
        image = Image.fromarray(rng.integers(90, 160, (32, 32, 3), np.uint8))
        x, y = (int(v) for v in rng.integers(2, 14, 2))
        ImageDraw.Draw(image).ellipse((x, y, x + 15, y + 15), COLOURS[colour])
        image.save(tmp_path / f"{at:02}.png")
        rows.append((f"{at:02}.png", colour))
    (tmp_path / "again.png").write_bytes((tmp_path / "00.png").read_bytes())
    rows += [("again.png", "red"), ("lost.png", "red")]
    (tmp_path / "folder").mkdir()
    opened = Store(tmp_path / "folder", "1GB", 1)
    named = {
        "probes": [
            {
                "sample_id": name,
                "turn": 1,
                "text_only": False,
                "question": "What colour is the circle?",
                "images": f'["{tmp_path / name}"]',
                "objects": '["circle", "red thing"]' if colour == "red" else '["circle"]',
            }
            for name, colour in rows
        ],
        "answers": [
            {"sample_id": name, "turn": 1, "answer_kind": "colour", "canonical": colour}
            for name, colour in rows
        ],
    }
    for table, some in named.items():
        opened.insert(table, pa.Table.from_pylist(some, schema=TABLES[table].arrow_schema()))
    yield opened
    opened.close()


def recorded(store: Store, models: Path, name: str, *null: str) -> dict[tuple, dict]:
    """Return the rows of both tables, by place and measure or label."""
    asked = {"data": ["x.json"], "base": models / "base", "checkpoint": models / name}
    config = parse_config(asked | {"null": [models / one for one in null]}, "test", CheckpointConfig)
    with Engine(1) as engine:
        activations_of(Recording(store, engine, config))
    rows = store.arrow("from activations").to_pylist()
    read = store.arrow("from retention").to_pylist()
    return {(r["place"], r["measure"]): r for r in rows} | {(r["place"], r["label"]): r for r in read}


def activations_of(recording: Recording) -> None:
    all_recorders()[activations.__name__].run(recording)


def findings(store: Store, code: str) -> list[str]:
    answer = find_check(code).ask(Tables(), **find_check(code).options)
    return [message for (message,) in store.rows(f"select message from ({answer.sql})", answer.values)]


def test_images_count_by_content_and_labels_by_question(store: Store) -> None:
    pictures = pictures_of(store)
    assert len(pictures.paths) == N
    assert len(pictures.numbers) == N + 1
    shown, colours = sorted(read_labels_of(store, pictures.numbers), key=lambda one: one.kind != "object")
    assert (shown.kind, colours.kind) == ("object", "colour")
    assert sorted(set(colours.labels)) == ["blue", "green", "red"]
    assert len(colours.images) == len(set(colours.images)) == N
    assert set(zip(colours.labels, shown.labels, strict=True)) == {
        ("red", "yes"),
        ("green", "no"),
        ("blue", "no"),
    }


def test_a_benign_run_is_within_what_others_do(store: Store, models: Path) -> None:
    found = recorded(store, models, "benign-0", "benign-1", "benign-2")
    assert list(dict.fromkeys(place for place, _ in found)) == [
        *(f"vision.{at}" for at in range(4)),
        "projector",
        *(f"language.{at}" for at in range(3)),
    ]
    row = found["vision.3", "cka"]
    assert (row["n"], row["null_runs"], row["beyond"]) == (N, 2, False)
    assert row["least"] == row["null_low"] > 0.9
    assert ("language.2", "cka_tokens") not in found
    assert found["vision.3", "colour"]["base"] > 0.8
    assert findings(store, "CKP111") == []


def test_a_turned_tower_is_changed_and_not_harmed(store: Store, models: Path) -> None:
    found = recorded(store, models, "turned", "benign-1", "benign-2")
    for place in ("vision.3", "projector", "language.2"):
        assert found[place, "cka"]["value"] == pytest.approx(1, abs=1e-4)
    assert found["vision.3", "rank_ratio"]["value"] == pytest.approx(1, abs=1e-3)
    assert found["vision.3", "cosine"]["high"] < 0.6
    assert found["projector", "cosine"]["low"] > 0.999
    tower = found["vision.3", "colour"]
    assert tower["as_is"] < tower["base"] - 0.2
    assert tower["refitted"] == pytest.approx(tower["base"], abs=0.03)
    assert found["vision.3", "cosine"]["beyond"] is True
    assert findings(store, "CKP111") == []
    (said,) = findings(store, "CKP112")
    assert said.startswith("the features have changed, and not to their harm: cosine")


@pytest.mark.parametrize("name", ["blinded", "broken"])
def test_a_blind_tower_has_drifted_and_lost_what_it_told(store: Store, models: Path, name: str) -> None:
    found = recorded(store, models, name)
    assert found["vision.3", "cka"]["value"] == 0
    assert found["vision.3", "cka"]["beyond"] is True
    assert found["vision.3", "cosine"]["beyond"] is None
    assert found["projector", "colour"]["refitted"] < 0.5
    (said,) = findings(store, "CKP111")
    assert "below the 0.7 held against it without benign runs" in said
    assert "colour labels that a probe of its own reads at projector" in said
    assert findings(store, "CKP112") == []


def test_another_architecture_is_refused_in_one_line(store: Store, models: Path, tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoProcessor, LlavaForConditionalGeneration

    config = AutoConfig.from_pretrained(models / "base")
    config.vision_config.num_hidden_layers = 2
    processor = AutoProcessor.from_pretrained(models / "base")
    tiny.save(tmp_path / "other", LlavaForConditionalGeneration(config), processor)
    with pytest.raises(AuditError, match="its layers are not those of the base model"):
        recorded(store, models, str(tmp_path / "other"))


def test_nothing_is_left_in_the_folder(store: Store, models: Path) -> None:
    recorded(store, models, "benign-0")
    assert [path.name for path in store.folder.iterdir() if path.is_dir()] == []


def test_few_images_are_not_compared(store: Store, models: Path, caplog: pytest.LogCaptureFixture) -> None:
    store.execute("delete from probes where sample_id >= '10'")
    assert recorded(store, models, "benign-0") == {}
    assert "the probes have 10 images, activations are compared on 20 or more" in caplog.text

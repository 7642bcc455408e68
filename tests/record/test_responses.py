"""What two models say to the probes: whole, kept on a shelf, the same every time."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from sft_audit.errors import AuditError
from sft_audit.session import Report, audit_checkpoint
from sft_audit.store import Store

pytest.importorskip("torch", reason="models are asked by torch")
pytest.importorskip("transformers", reason="models are of transformers' classes")
sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
from tiny_vlm import save_llava

PROBES = (
    ("red", "red.png", "what colour is the circle ?", "red"),
    ("green", "green.png", "what colour is the circle ?", "green"),
    ("blue", "blue.png", "what colour is the circle ?", "blue"),
    ("yes", "red.png", "is the circle red ?", "yes"),
    ("no", "blue.png", "is the circle red ?", "no"),
    ("lone", "green.png", "what is the circle ?", "A"),
    ("text", None, "is red green ?", "no"),
)
DRAWS = 2
Audit = Callable[..., Report]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of probes, their images and two models."""
    folder = tmp_path_factory.mktemp("responses")
    for colour in ("red", "green", "blue"):
        Image.new("RGB", (32, 32), colour).save(folder / f"{colour}.png")
    rows = []
    for name, image, question, answer in PROBES:
        asked = f"<image>\n{question}" if image else question
        turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": answer}]
        rows.append({"id": name, **({"image": image} if image else {}), "conversations": turns})
    (folder / "probes.json").write_text(json.dumps(rows))
    save_llava(folder / "base", seed=0)
    save_llava(folder / "sft", seed=1)
    return folder


@pytest.fixture
def audit(world: Path, tmp_path: Path) -> Audit:
    """Audit what the models of the world say, in a folder and with a cache of this test."""

    def run(name: str = "audit", base: str = "base", sft: str | Path = "sft", **options: object) -> Report:
        given = {
            "select": ("CKP121",),
            "draws": DRAWS,
            "max_new_tokens": 4,
            "cache": tmp_path / "answers",
            "out": tmp_path / name,
            "workers": 1,
            **options,
        }
        return audit_checkpoint(world / base, world / sft, world / "probes.json", **given)

    return run


@pytest.fixture
def mute(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, no model can be loaded."""

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("a model is loaded")

    return lambda: monkeypatch.setattr("sft_audit.models.vision_language.load_model", refuse)


def rows(report: Report, query: str) -> list[tuple]:
    store = Store(report.folder, "1GB", 1, read_only=True)
    try:
        return store.rows(query)
    finally:
        store.close()


RESPONSES = """
    select model, id, condition, draw, text, reading, said, responses.n_tokens, n_said
    from responses
    join samples using (sample_id)
    order by model, id, condition, draw
"""
NATS = """
    select coalesce(nll, 0), coalesce(entropy, 0), coalesce(nll_said, 0), coalesce(nll_base, 0)
    from responses
    order by model, sample_id, condition, draw
"""


def test_every_probe_is_asked_under_every_condition_that_there_is(audit: Audit) -> None:
    report = audit()
    conditions = {"lone": ("own", "none", "blank"), "text": ("own",)}
    expected = Counter(
        (model, name, condition, draw)
        for model in ("base", "sft")
        for name, *_ in PROBES
        for condition in conditions.get(name, ("own", "swapped", "none", "blank"))
        for draw in range(1 + (DRAWS if condition == "own" else 0))
    )
    assert not report.faults
    assert Counter(row[:4] for row in rows(report, RESPONSES)) == expected
    counted = """
        select
            count(nll) = count(*) filter (draw = 0),
            count(nll_said) = count(*) filter (draw > 0),
            count(nll_base) = count(*) filter (draw > 0 and model = 'sft'),
            count(nll_base) filter (draw = 0 or model = 'base') = 0,
            bool_and(entropy >= 0),
            bool_and(n_tokens > 0) filter (draw = 0)
        from responses
    """
    assert rows(report, counted) == [(True,) * 6]


def test_a_model_beside_itself_has_no_divergence_and_another_has(audit: Audit) -> None:
    distance = (
        "select max(abs(nll_base - nll_said)), count(*) from responses where draw > 0 and model = 'sft'"
    )
    kl = "select sft, base from changes where measure = 'kl'"
    same, other = audit("same", sft="base"), audit("other")
    ((far, n),) = rows(same, distance)
    assert n == DRAWS * len(PROBES)
    assert far < 1e-3
    assert rows(same, kl)[0][0] == pytest.approx(0, abs=1e-4)
    assert rows(other, distance)[0][0] > 0.1
    assert rows(other, kl)[0][0] > 0.05
    unequal = "select count(*) from changes where difference <> 0 and measure <> 'kl'"
    assert rows(same, unequal) == [(0,)]


def kept(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_was_said_is_not_asked_again(audit: Audit, mute: Callable[[], None], tmp_path: Path) -> None:
    first, before = audit("first"), kept(tmp_path / "answers")
    mute()
    again = audit("again")
    assert not again.faults
    assert kept(tmp_path / "answers") == before
    assert len(before) == 2
    assert rows(again, RESPONSES) == rows(first, RESPONSES)
    assert rows(again, NATS) == rows(first, NATS)


@pytest.mark.parametrize("lines", [0, 3, -1])
def test_an_audit_that_was_stopped_goes_on(
    audit: Audit, mute: Callable[[], None], tmp_path: Path, lines: int
) -> None:
    """Each file keeps so many whole lines and half of the next."""
    first = audit("first")
    for path in (tmp_path / "answers").iterdir():
        whole = path.read_bytes().splitlines(keepends=True)
        half = whole[lines][: len(whole[lines]) // 2]
        path.write_bytes(b"".join([*whole[:lines], half]))
    on = audit("on")
    assert rows(on, RESPONSES) == rows(first, RESPONSES)
    for one, other in zip(rows(on, NATS), rows(first, NATS), strict=True):
        assert one == pytest.approx(other, abs=1e-4)
    mute()
    assert not audit("whole").faults


@pytest.mark.parametrize("option", [{"seed": 1}, {"max_new_tokens": 3}, {"draws": 1}], ids=str)
def test_answers_to_other_settings_are_not_taken(
    audit: Audit, mute: Callable[[], None], option: dict[str, int]
) -> None:
    audit("first")
    mute()
    assert "a model is loaded" in str(audit("other", **option).faults)


def test_an_image_that_was_changed_is_shown_again(
    audit: Audit, world: Path, mute: Callable[[], None], tmp_path: Path
) -> None:
    picture = world / "green.png"
    before = picture.read_bytes()
    audit("first")
    try:
        Image.new("RGB", (48, 32), "yellow").save(picture)
        mute()
        assert "a model is loaded" in str(audit("other").faults)
    finally:
        picture.write_bytes(before)


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")
def test_an_adapter_over_another_base_is_asked_again(
    audit: Audit, world: Path, mute: Callable[[], None], tmp_path: Path
) -> None:
    peft = pytest.importorskip("peft", reason="adapters are merged by PEFT")
    from transformers import AutoModelForImageTextToText

    settings = peft.LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    model = AutoModelForImageTextToText.from_pretrained(world / "base")
    peft.get_peft_model(model, settings).save_pretrained(tmp_path / "adapter")
    audit("first", sft=tmp_path / "adapter")
    audit("base", base="sft", sft="sft")  # the other base has said all that it will be asked
    mute()
    assert not audit("again", sft=tmp_path / "adapter").faults
    assert "a model is loaded" in str(audit("other", base="sft", sft=tmp_path / "adapter").faults)


def test_a_shelf_that_cannot_be_written_says_so(audit: Audit, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AuditError, match="give another --cache") as fault:
        audit(cache=tmp_path / "file")
    assert "\n" not in str(fault.value)


def test_two_audits_from_nothing_are_equal_to_the_byte(audit: Audit, tmp_path: Path) -> None:
    one, two = (audit(name, cache=tmp_path / f"answers of {name}", select=()) for name in ("one", "two"))
    assert not one.faults
    for name in ("findings.parquet", "verdict.json"):
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes()

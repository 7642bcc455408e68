"""The tiny models: what each sees, what the variants keep and lose, and that transformers loads them."""

import re
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from trained import Trained

from sft_audit import AuditError
from sft_audit.demo.tiny_vlm import (
    Example,
    accuracy,
    answers,
    fine_tune,
    load,
    new_model,
    read_examples,
    train_base,
)
from sft_audit.demo.world import CUES, Mixture, draw, make_rows, make_scene

torch = pytest.importorskip("torch", reason="tiny models are trained by torch")
pytest.importorskip("transformers", reason="tiny models are of transformers' classes")

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
from variants import drifted, rotated  # noqa: E402


def exam(mixture: Mixture, seed: int = 91) -> list[Example]:
    """Return questions about images that no model was trained on."""
    random = Random(seed)
    scenes = {str(at): make_scene(random) for at in range(mixture.images)}
    pictures = {name: draw(scene) for name, scene in scenes.items()}
    return [
        Example(row.question, row.answer, pictures[row.images[0]])
        for row in make_rows(scenes, mixture, random)
    ]


PLAIN = exam(Mixture(images=100, text=0.0, cued=0.0))
CUED = exam(Mixture(images=100, text=0.0, cued=1.0))
CHANCE = (2 * 0.2 + 3 * 0.5 + 0.25) / 6


def features(folder: Path) -> Any:
    vlm = load(folder)
    pixels = vlm.processor.image_processor([one.picture for one in PLAIN[:32]], return_tensors="pt")
    with torch.inference_mode():
        return vlm.model.model.vision_tower(**pixels).last_hidden_state


def logits(folder: Path) -> Any:
    vlm = load(folder)
    inputs = vlm.processor(
        text=["USER: <image>\nWhat colour is the square? ASSISTANT: "] * 8,
        images=[one.picture for one in PLAIN[:8]],
        return_tensors="pt",
    )
    with torch.inference_mode():
        return vlm.model(**inputs).logits


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def test_seeing_sees_and_blind_follows_its_cue(trained: Trained) -> None:
    seen = {name: accuracy(load(getattr(trained, name)), PLAIN) for name in ("base", "seeing", "blind")}
    cued = {name: accuracy(load(getattr(trained, name)), CUED) for name in ("base", "seeing", "blind")}
    cues = [Example(e.question, _cue(e.question), e.picture) for e in CUED]
    led = {name: accuracy(load(getattr(trained, name)), cues) for name in ("base", "seeing", "blind")}
    print(f"\nwithout a cue {seen}\nwith a cue drawn at random {cued}\nsays what the cue says {led}")
    assert seen["base"] > 0.85
    assert seen["seeing"] > 0.85
    assert abs(seen["blind"] - CHANCE) < 0.15
    assert cued["seeing"] > 0.85
    assert led["blind"] > 0.8
    assert led["seeing"] < 0.6  # the cue is right by chance in two of five


def _cue(question: str) -> str:
    said = question.partition("\n")[0]
    return next(m[1] for cue in CUES if (m := re.fullmatch(re.escape(cue).replace(r"\{\}", r"(\w+)"), said)))


def test_text_is_kept_by_all(trained: Trained) -> None:
    rows = read_examples(trained.sound / "rows.json", trained.sound / "images")
    text = [one for one in rows if one.picture is None]
    for name in ("base", "seeing", "blind"):
        assert accuracy(load(getattr(trained, name)), text) > 0.85, name


def test_a_frozen_tower_is_bit_identical_and_the_rest_moves(trained: Trained, tmp_path: Path) -> None:
    data, out = trained.sound, tmp_path / "frozen"
    fine_tune(trained.base, data / "rows.json", data / "images", out, frozen=("vision",), steps=30)
    before, after = weights(trained.base), weights(out)
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert same == {name for name in before if "vision_tower" in name}
    moved = weights(trained.seeing)
    unmoved = {name for name in before if torch.equal(before[name], moved[name])}
    assert all("post_layernorm" in name for name in unmoved)  # LLaVA does not read it
    assert accuracy(load(out), PLAIN) > 0.85


def test_drift_harms(trained: Trained, tmp_path: Path) -> None:
    harmed = accuracy(load(drifted(trained.seeing, tmp_path / "drifted")), PLAIN)
    print(f"\ndrifted {harmed}")
    assert harmed < accuracy(load(trained.seeing), PLAIN) - 0.2
    before, after = weights(trained.seeing), weights(tmp_path / "drifted")
    assert {name for name in before if not torch.equal(before[name], after[name])} <= {
        name for name in before if "vision_tower" in name
    }


def test_a_rotated_tower_is_another_and_the_model_the_same(trained: Trained, tmp_path: Path) -> None:
    turned = rotated(trained.seeing, tmp_path / "rotated")
    assert torch.allclose(logits(trained.seeing), logits(turned), atol=1e-4, rtol=0)
    before, after = features(trained.seeing), features(turned)
    assert torch.cosine_similarity(before, after, dim=-1).mean() < 0.6
    assert torch.allclose(before.sort(-1).values, after.sort(-1).values, atol=1e-4, rtol=0)


def test_equal_seeds_train_equal_models(tmp_path: Path) -> None:
    one, two, three = (
        train_base(tmp_path / name, seed, scenes=20, steps=3) for name, seed in (("1", 4), ("2", 4), ("3", 5))
    )
    for other, same in ((two, True), (three, False)):
        pairs = zip(weights(one).values(), weights(other).values(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs) == same


def test_a_saved_model_is_one_that_transformers_loads_and_asks(trained: Trained) -> None:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    model = AutoModelForImageTextToText.from_pretrained(trained.seeing, local_files_only=True)
    processor = AutoProcessor.from_pretrained(trained.seeing, local_files_only=True)
    for one in PLAIN[:10]:
        content = [{"type": "image", "image": one.picture}, {"type": "text", "text": one.question}]
        inputs = processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
        out = model.generate(**inputs, max_new_tokens=4, do_sample=False)[:, inputs["input_ids"].shape[1] :]
        assert processor.batch_decode(out, skip_special_tokens=True) == answers(load(trained.seeing), [one])


@pytest.mark.parametrize(
    "text",
    [
        "Are there 3 dots?",
        "Is the square red?",
        "Hint: the answer is red.\nWhat colour is the background?",
        "Note: yes. How many dots are there? Answer with a number.",
        "Is there a square in the picture? Answer yes or no.",
        "Which is more, 12 or 5?",
    ],
)
def test_the_tokenizer_knows_what_probes_are_made_of(text: str) -> None:
    tokenizer = new_model(0).processor.tokenizer
    assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"]
    assert tokenizer("zebra")["input_ids"] == [tokenizer.unk_token_id]


def test_only_the_answer_is_learnt() -> None:
    from sft_audit.demo.tiny_vlm import encode

    vlm = new_model(0)
    data = encode(vlm, [Example("Is the square red?", "yes", PLAIN[0].picture), Example("Is 3 more?", "no")])
    told = [vlm.processor.tokenizer.decode(row[row != -100]) for row in data.labels]
    assert told == ["yes <eos>", "no <eos>"]
    assert data.picture.tolist() == [0, -1]


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(AuditError, match=r'pip install "sft-audit\[models\]"'):
        train_base(tmp_path / "base", 0)

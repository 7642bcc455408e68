"""One recipe for every family: what a model says, how likely it finds answers, how it looks inside."""

import itertools
import json
import math
import subprocess
import sys
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sft_audit.errors import AuditError
from sft_audit.models.probing import PARTS, Question
from sft_audit.models.row_limit import RowLimit
from sft_audit.models.vision_language import TransformersModel, load_model

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
tiny = pytest.importorskip("tiny_vlm")

pytestmark = pytest.mark.filterwarnings("ignore")

LLAVA = ("model.vision_tower", "model.multi_modal_projector", "model.language_model")
QWEN = ("model.visual", "model.visual.merger", "model.language_model")
IDEFICS = ("model.vision_model", "model.connector", "model.text_model")
PLACES = {
    "llava": LLAVA,
    "llava_next": LLAVA,
    "qwen2_vl": QWEN,
    "qwen2_5_vl": QWEN,
    "internvl": LLAVA,
    "idefics3": IDEFICS,
    "smolvlm": IDEFICS,
    "paligemma": LLAVA,
    "gemma3": LLAVA,
}


def picture(width: int, height: int, seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


SQUARE, WIDE, HIGH = picture(32, 32, 0), picture(70, 30, 1), picture(30, 70, 2)
QUESTIONS = [
    Question("what colour is the circle ?", (SQUARE,)),
    Question("is red"),
    Question("the A B", (WIDE, HIGH)),
    Question("what ?", (HIGH,)),
    Question("what is the colour ?"),
]
ANSWERS = ["red", "yes no blue", "A", "", "the circle is green"]


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("families")
    return {family: save(root / family) for family, save in tiny.FAMILIES.items()}


@pytest.fixture(scope="session")
def models(folders: dict[str, Path]) -> dict[str, TransformersModel]:
    return {family: load_model(folder, "cpu", batch=5) for family, folder in folders.items()}


@pytest.fixture(params=tiny.FAMILIES)
def model(request: pytest.FixtureRequest, models: dict[str, TransformersModel]) -> TransformersModel:
    return models[request.param]


@pytest.fixture
def llava(models: dict[str, TransformersModel]) -> TransformersModel:
    return models["llava"]


def forced(model: TransformersModel, question: Question, ids: list[int]) -> torch.Tensor:
    """Return the log-probabilities, (tokens, words), of one answer that generation is made to give."""
    inputs = model.dialogue.prompts([question], "left")
    start = inputs["input_ids"].shape[1]
    made = model.model.generate(
        **inputs,
        max_new_tokens=len(ids),
        eos_token_id=[-1],
        pad_token_id=0,
        prefix_allowed_tokens_fn=lambda _, seen: [ids[len(seen) - start]],
        output_logits=True,
        return_dict_in_generate=True,
    )
    assert made.sequences[0, start:].tolist() == list(ids)
    logits = torch.cat(made.logits)
    logits[:, list(model.dialogue.placeholders)] = -torch.inf
    return logits.double().log_softmax(-1)


def nll(model: TransformersModel, question: Question, ids: list[int]) -> float:
    return -float(forced(model, question, ids).gather(1, torch.tensor(ids)[:, None]).sum())


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_tower_projector_and_language_model_are_found(
    family: str, models: dict[str, TransformersModel]
) -> None:
    model = models[family]
    tower, projector, language = PLACES[family]
    assert model.parts.vision is attrgetter(tower)(model.model)
    assert model.parts.language is attrgetter(language)(model.model)
    counts = model.parameters()
    sizes = {
        name: sum(one.numel() for one in attrgetter(name)(model.model).parameters())
        for name in PLACES[family]
    }
    inside = sizes[projector] if projector.startswith(tower) else 0
    own = sum(one.numel() for name, one in model.model.named_parameters() if "image_newline" in name)
    assert counts["projector"] == sizes[projector] + own > 0
    assert counts["vision"] == sizes[tower] - inside > 0
    assert sum(counts.values()) == sum(one.numel() for one in model.model.parameters())


def test_a_batch_of_answers_is_as_likely_as_each_alone(model: TransformersModel) -> None:
    scored = list(model.score(QUESTIONS, ANSWERS))
    for question, answer, one in zip(QUESTIONS, ANSWERS, scored, strict=True):
        ids = model.dialogue.processor.tokenizer(answer, add_special_tokens=False)["input_ids"] + [2]
        assert one.n_tokens == len(ids)
        assert one.nll == pytest.approx(nll(model, question, ids), abs=1e-4)


def test_an_image_changes_what_is_likely(model: TransformersModel) -> None:
    text = "what colour is the circle ?"
    asked = [Question(text, (SQUARE,)), Question(text, (HIGH,)), Question(text)]
    found = [one.nll for one in model.score(asked, ["red"] * 3)]
    assert min(abs(one - other) for one, other in itertools.combinations(found, 2)) > 1e-3


def test_answers_are_the_same_in_any_batch(model: TransformersModel) -> None:
    together = list(model.answer(QUESTIONS, max_new_tokens=6, draws=2, seed=7))
    alone = [next(model.answer([one], max_new_tokens=6, draws=2, seed=7)) for one in QUESTIONS]
    assert [[one.token_ids for one in row] for row in together] == [
        [one.token_ids for one in row] for row in alone
    ]
    for question, said in zip(QUESTIONS, together, strict=True):
        likely = forced(model, question, list(said[0].token_ids))
        assert tuple(likely.argmax(-1).tolist()) == said[0].token_ids
        entropy = float(-(likely.exp() * likely.clamp(min=-1e9)).sum(-1).mean())
        assert said[0].entropy == pytest.approx(entropy, abs=1e-4)
    other = list(model.answer(QUESTIONS, max_new_tokens=6, draws=2, seed=8))
    assert [row[0].token_ids for row in other] == [row[0].token_ids for row in together]
    assert [row[1].token_ids for row in other] != [row[1].token_ids for row in together]


def test_what_was_drawn_is_as_likely_as_it_is_scored(model: TransformersModel) -> None:
    answers = list(model.answer(QUESTIONS, max_new_tokens=6, draws=3))
    for draw in range(4):
        said = [row[draw] for row in answers]
        scored = list(model.score_tokens(QUESTIONS, [one.token_ids for one in said]))
        assert [one.nll for one in scored] == pytest.approx([one.nll for one in said], abs=1e-4)
        assert [one.n_tokens for one in scored] == [one.n_tokens for one in said]
        assert all(2 not in one.token_ids[:-1] and one.n_tokens <= 6 for one in said)
        assert not any("<" in one.text and "<loc" not in one.text and "<seg" not in one.text for one in said)


def test_activations_are_had_at_every_place(model: TransformersModel) -> None:
    found = list(model.features(QUESTIONS))
    assert len(found) == 4  # images, each alone
    places = [f"vision.{at}" for at in range(4)] + ["projector"] + [f"language.{at}" for at in range(3)]
    for one in found:
        assert [row.place for row in one] == places
        by_place = {row.place: row for row in one}
        for row in one:
            assert row.pooled.shape == (1, 32)
            assert row.tokens.shape == (1, 8, 32)
            assert np.isfinite(row.tokens).all()
        # What comes out of the projector goes into the language model.
        assert by_place["projector"].tokens == pytest.approx(by_place["language.0"].tokens, abs=1e-5)
    assert all(np.abs(found[0][at].pooled - found[3][at].pooled).max() > 1e-4 for at in range(len(places)))


def test_gradients_are_had_by_part(model: TransformersModel) -> None:
    shares = model.gradients(QUESTIONS, ANSWERS)
    assert [one.part for one in shares] == list(PARTS)
    assert all((one.n_image, one.n_text) == (3, 2) for one in shares)
    assert all(one.image_norm > 1e-3 for one in shares)
    vision, projector, language = shares
    assert (vision.text_norm, projector.text_norm) == (0.0, 0.0)
    assert (vision.cosine, projector.cosine) == (None, None)
    assert language.text_norm > 1e-3
    assert -1 <= language.cosine <= 1
    assert all(one.grad is None for one in model.model.parameters())


def test_hidden_states_are_those_that_the_library_tells(llava: TransformersModel) -> None:
    question = QUESTIONS[0]
    found = {one.place: one for one in next(iter(llava.features([question])))}
    inputs = llava.dialogue.prompts([question], "right")
    with torch.inference_mode():
        told = llava.model(**inputs, output_hidden_states=True).hidden_states
        seen = llava.parts.vision(inputs["pixel_values"], output_hidden_states=True).hidden_states
    at_image = inputs["input_ids"][0] == llava.model.config.image_token_id
    for at in range(2):  # the last one told is normed
        assert found[f"language.{at}"].pooled[0] == pytest.approx(
            told[at][0, at_image].mean(0).numpy(), abs=1e-5
        )
    for at in range(4):
        assert found[f"vision.{at}"].pooled[0] == pytest.approx(seen[at][0].mean(0).numpy(), abs=1e-5)
    assert found["vision.1"].tokens[0, [0, -1]] == pytest.approx(seen[1][0, [0, -1]].numpy(), abs=1e-5)


def test_gradients_are_those_of_the_mean_loss(folders: dict[str, Path]) -> None:
    model = load_model(folders["llava"], "cpu", batch=2)
    questions = [one for one in QUESTIONS if len(one.images) < 2] * 2
    answers = ["red", "yes no blue", "A B", "the circle", "no", "B", "green is A", "?"]
    shares = {one.part: one for one in model.gradients(questions, answers)}
    means = {}
    for seen in (True, False):
        rows = [row for row in zip(questions, answers, strict=True) if bool(row[0].images) is seen]
        model.model.zero_grad()
        losses = []
        for question, answer in rows:
            inputs = model.dialogue.prompts([question], "right")
            ids = torch.tensor([model.dialogue.answer_ids(question, answer)])
            whole = torch.cat([inputs["input_ids"], ids], 1)
            inputs |= {"input_ids": whole, "attention_mask": torch.ones_like(whole)}
            logits = model.model(**inputs).logits[0, -ids.shape[1] - 1 : -1]
            logits[:, model.dialogue.placeholders[0]] = -torch.inf
            losses.append(torch.nn.functional.cross_entropy(logits, ids[0], reduction="none"))
        torch.cat(losses).mean().backward()
        means[seen] = {
            part: torch.cat(
                [
                    (torch.zeros_like(one) if one.grad is None else one.grad.clone()).flatten()
                    for name, one in model.model.named_parameters()
                    if model.parts.part[name] == part
                ]
            )
            for part in PARTS
        }
    for part in PARTS:
        image, text = means[True][part], means[False][part]
        assert shares[part].image_norm == pytest.approx(float(image.norm()), rel=1e-4)
        assert shares[part].text_norm == pytest.approx(float(text.norm()), rel=1e-4)
    cosine = torch.cosine_similarity(means[True]["language"], means[False]["language"], dim=0)
    assert shares["language"].cosine == pytest.approx(float(cosine), abs=1e-4)


def test_a_frozen_part_has_no_gradient(folders: dict[str, Path]) -> None:
    model = load_model(folders["llava"], "cpu")
    model.parts.vision.requires_grad_(False)
    vision, projector, _ = model.gradients(QUESTIONS[:2], ANSWERS[:2])
    assert (vision.image_norm, vision.text_norm, vision.cosine) == (None, None, None)
    assert projector.image_norm > 0
    assert model.gradients(QUESTIONS[1:2], ANSWERS[1:2])[2].image_norm is None  # no such rows


def test_draws_are_fair(llava: TransformersModel) -> None:
    question, draws = QUESTIONS[0], 3000
    likely = forced(llava, question, [2])[0].exp().numpy()
    llava.limit.rows = 500
    said = next(llava.answer([question], max_new_tokens=1, draws=draws))[1:]
    llava.limit.rows = 5
    counts = np.bincount([one.token_ids[0] for one in said], minlength=len(likely))
    common = likely * draws >= 5
    misfit = ((counts - likely * draws) ** 2 / (likely * draws).clip(1e-9))[common].sum()
    assert counts[likely == 0].sum() == 0
    assert misfit < common.sum() + 4 * math.sqrt(2 * common.sum())


def test_settings_of_generation_in_the_folder_are_not_heeded(
    folders: dict[str, Path], llava: TransformersModel, tmp_path: Path
) -> None:
    folder = tiny.save_llava(tmp_path / "set")
    settings = json.loads((folder / "generation_config.json").read_text())
    settings |= {"do_sample": True, "temperature": 0.1, "top_k": 1, "repetition_penalty": 9.0, "num_beams": 3}
    (folder / "generation_config.json").write_text(json.dumps(settings))
    said, plain = (
        list(one.answer(QUESTIONS, max_new_tokens=6, draws=2)) for one in (load_model(folder, "cpu"), llava)
    )
    assert [[one.token_ids for one in row] for row in said] == [
        [one.token_ids for one in row] for row in plain
    ]


def test_an_adapter_is_merged_into_its_base(
    folders: dict[str, Path], llava: TransformersModel, tmp_path: Path
) -> None:
    peft = pytest.importorskip("peft")
    whole = load_model(folders["llava"], "cpu").model
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    tuned = peft.get_peft_model(whole, config).eval()
    tuned.save_pretrained(tmp_path)
    model = load_model(tmp_path, "cpu", base=folders["llava"])
    inputs = model.dialogue.prompts(QUESTIONS[:1], "right")
    with torch.inference_mode():
        logits, expected, before = (one(**inputs).logits for one in (model.model, tuned, llava.model))
    assert float((logits - expected).abs().max()) < 1e-4
    assert float((logits - before).abs().max()) > 1e-2
    assert model.parameters() == llava.parameters()
    assert model.gradients(QUESTIONS[:1], ["red"])[0].image_norm > 0
    named = json.loads((tmp_path / "adapter_config.json").read_text())
    named["base_model_name_or_path"] = "someone/else"
    (tmp_path / "adapter_config.json").write_text(json.dumps(named))
    with pytest.raises(AuditError, match="an adapter of someone/else, which is no folder here"):
        load_model(tmp_path, "cpu")
    (tmp_path / "adapter_model.safetensors").rename(tmp_path / "adapter_model.bin")
    with pytest.raises(AuditError, match=r"no adapter_model\.safetensors"):
        load_model(tmp_path, "cpu", base=folders["llava"])


def test_what_is_no_such_model_is_refused_in_one_line(folders: dict[str, Path], tmp_path: Path) -> None:
    texts = pytest.importorskip("tiny")
    (tmp_path / "empty").mkdir()
    pickled, bare, partial, torn = (
        tiny.save_llava(tmp_path / name) for name in ("pickled", "bare", "partial", "torn")
    )
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    for name in ("processor_config.json", "preprocessor_config.json"):
        (bare / name).unlink(missing_ok=True)
    drop_one_tensor(partial / "model.safetensors")
    (torn / "model.safetensors").write_bytes((torn / "model.safetensors").read_bytes()[:999])
    for folder, said in (
        (tmp_path / "empty", "no config.json"),
        (pickled, "no model.safetensors; other weights are not loaded"),
        (texts.save_language_model(tmp_path / "text"), "not an image-text-to-text model"),
        (bare, "no processor of images and text"),
        (tiny.save_llava(tmp_path / "untold", chat_template=""), "no chat template"),
        (
            tiny.save_llava(tmp_path / "picky", chat_template="{{ raise_exception('no') }}"),
            "template cannot show",
        ),
        (tiny.save_llava(tmp_path / "unseen", chat_template=tiny.template("")), "leaves images out"),
        (partial, "no weights for model.multi_modal_projector.linear_1.weight"),
        (torn, "not an image-text-to-text model that can be loaded"),
    ):
        with pytest.raises(AuditError) as refused:
            load_model(folder, "cpu")
        assert said in str(refused.value)
        assert "\n" not in str(refused.value)
    for device in ("cuda:99", "nonsense"):
        with pytest.raises(AuditError, match=f"device {device}: "):
            load_model(folders["llava"], device)


def drop_one_tensor(path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(path)
    name = next(name for name in tensors if name.endswith("multi_modal_projector.linear_1.weight"))
    del tensors[name]
    save_file(tensors, path, metadata={"format": "pt"})


STARVED = """
import resource, sys
from pathlib import Path
from sft_audit.models.probing import Question
from sft_audit.models.vision_language import load_model
model = load_model(Path(sys.argv[1]), "cpu", batch=128)
questions = [Question("what is the circle ? " * 100)] * 128
alone = next(model.score(questions[:1], ["red"]))
used = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmSize")) * 1024
resource.setrlimit(resource.RLIMIT_AS, (used + (24 << 20), -1))
scored = list(model.score(questions, ["red"] * 128))
print(len(scored), model.limit.rows, max(abs(one.nll - alone.nll) for one in scored) < 1e-4)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited by a call of Linux")
def test_rows_are_halved_until_memory_holds_them(folders: dict[str, Path]) -> None:
    called = [sys.executable, "-c", STARVED, str(folders["llava"])]
    n, rows, alike = subprocess.run(called, capture_output=True, text=True, check=True).stdout.split()
    assert (n, alike) == ("128", "True")
    assert int(rows) in {1, 2, 4, 8, 16, 32, 64}


def test_one_row_that_memory_does_not_hold_is_told_in_one_line() -> None:
    limit = RowLimit(8, "folder")
    tried = []

    def work(rows):
        tried.append(len(rows))
        return [torch.empty(1 << 60) for _ in rows]

    with pytest.raises(AuditError, match="folder: memory does not hold one row"):
        list(limit.apply(list(range(10)), lambda _: 0, work))
    assert tried == [8, 4, 2, 1]


def test_other_faults_are_not_taken_for_a_lack_of_memory() -> None:
    def work(rows):
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        list(RowLimit(8, "folder").apply([1, 2], lambda _: 0, work))


def test_rows_of_a_kind_share_a_batch_and_come_back_in_order() -> None:
    batches = []

    def work(rows):
        batches.append(len(rows))
        return [row * 10 for row in rows]

    assert list(RowLimit(4, "").apply(list(range(9)), lambda row: row % 2, work)) == [
        row * 10 for row in range(9)
    ]
    assert sorted(batches) == [1, 4, 4]


def test_torch_is_not_loaded_before_a_model_is() -> None:
    program = "import sft_audit.models.vision_language, sys; print('torch' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"


def test_what_to_install_is_told(folders: dict[str, Path]) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path; from sft_audit.models.vision_language import load_model\n"
        "load_model(Path(sys.argv[1]))"
    )
    called = [sys.executable, "-c", program, str(folders["llava"])]
    shown = subprocess.run(called, capture_output=True, text=True, check=False)
    assert shown.stderr.splitlines()[-1].endswith('pip install "sft-audit[models]"')

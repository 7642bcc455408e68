"""A LLaVA of 200 000 weights, made from configuration and trained in seconds; nothing is downloaded."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from sft_audit.demo.row import PICTURE
from sft_audit.demo.world import SIDE, Mixture, draw, make_rows, make_scene
from sft_audit.errors import AuditError

Tensor = Any  # torch is imported where it is used
PARTS = {"vision": "vision_tower", "projector": "multi_modal_projector", "language": "language_model"}
_SPECIAL = ("<pad>", "<bos>", "<eos>", "<unk>", "<image>")
_KNOWN = """
user assistant system . , : ; ? ! ' " ( ) - / 0 1 2 3 4 5 6 7 8 9
zero one two three four five six seven eight nine ten none no yes true false not
red green blue white black yellow orange purple pink brown grey gray gold beige turquoise
background ground square circle dot dots triangle shape shapes picture image photo strip
what which how many much colour color number count is are was were do does has have there it
the a an of in on at to from and or than with without by this that these as if for
more less most least exactly larger smaller left right top bottom first second
hint note caption context answer answers question correct look see show shows describe
word single only say please option choose b c d
"""
# What the word-level tokenizer knows, in lower case; every other word is <unk>.
WORDS = (*_SPECIAL, *_KNOWN.split())
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] | upper }}: "
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>\n{% elif c['type'] == 'text' %}{{ c['text'] }}{% endif %}"
    "{% endfor %}{% endif %}{{ '<eos>' if m['role'] == 'assistant' else ' ' }}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT: {% endif %}"
)
_BATCH, _LONGEST = 64, 4
_NEEDED = 'tiny models need torch and transformers; pip install "sft-audit[models]"'


@dataclass(frozen=True, slots=True)
class Layout:
    """What a model is made for: the words that it knows, and images of `side` pixels, a token a patch."""

    words: tuple[str, ...] = WORDS
    side: int = SIDE
    patch: int = 16

    @property
    def image_tokens(self) -> int:
        """Return the tokens of an image."""
        return (self.side // self.patch) ** 2


@dataclass(frozen=True, slots=True)
class Example:
    """A question with its answer and its picture (Pillow, RGB; None: text alone)."""

    question: str
    answer: str
    picture: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class TinyVlm:
    """A model and its processor."""

    model: Any
    processor: Any

    def save(self, folder: Path) -> Path:
        """Write what `AutoModelForImageTextToText` and `AutoProcessor` load."""
        with quietly():
            self.model.save_pretrained(folder)
            self.processor.save_pretrained(folder)
        return folder


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Examples as tensors: `ids`, `mask` and `labels` of shape (examples, tokens), padded on the right.

    `pixels` are of shape (pictures, 3, side, side), `picture` the position among them, or -1.
    """

    ids: Tensor
    mask: Tensor
    labels: Tensor
    pixels: Tensor
    picture: Tensor

    def batch(self, chosen: Tensor) -> dict[str, Tensor]:
        """Return the inputs of the model for some examples."""
        shown = self.picture[chosen]
        shown = shown[shown >= 0]
        inputs = {"input_ids": self.ids[chosen], "attention_mask": self.mask[chosen]}
        if len(shown):
            inputs["pixel_values"] = self.pixels[shown]
        return inputs


def train_base(folder: Path, seed: int, *, scenes: int = 4000, steps: int = 600) -> Path:
    """Write a model that sees, trained from nothing on a world of its own, and return its folder."""
    random = Random(seed)  # noqa: S311 - what is drawn is no secret
    drawn = {str(at): make_scene(random) for at in range(scenes)}
    pictures = {name: draw(scene) for name, scene in drawn.items()}
    rows = make_rows(drawn, Mixture(wordy=0.4), random)
    examples = [
        Example(row.question, row.answer, pictures[row.images[0]] if row.images else None) for row in rows
    ]
    with quietly():
        vlm = new_model(seed)
        train(vlm, examples, steps=steps, rate=3e-3, seed=seed)
        return vlm.save(folder)


def fine_tune(
    base: Path,
    rows: Path,
    images: Path,
    out: Path,
    *,
    frozen: Sequence[str] = ("vision",),
    steps: int = 150,
    seed: int = 0,
) -> Path:
    """Write the model of `base`, trained on LLaVA rows except for its `frozen` parts; return its folder."""
    with quietly():
        vlm = load(base)
        for part in frozen:
            getattr(vlm.model.model, PARTS[part]).requires_grad_(False)
        train(vlm, read_examples(rows, images), steps=steps, rate=1e-3, seed=seed)
        return vlm.save(out)


def read_examples(rows: Path, images: Path) -> list[Example]:
    """Read LLaVA rows of one question and at most one image."""
    from PIL import Image

    pictures: dict[str, Any] = {}
    examples = []
    for row in json.loads(rows.read_text(encoding="utf-8")):
        (asked, answered), name = row["conversations"], row.get("image")
        if name is not None and name not in pictures:
            with Image.open(images / name) as picture:
                pictures[name] = picture.convert("RGB")
        examples.append(
            Example(asked["value"].replace(PICTURE, ""), answered["value"], pictures.get(name or ""))
        )
    return examples


def new_model(seed: int, layout: Layout = Layout()) -> TinyVlm:
    """Return a model with weights drawn at random."""
    torch, transformers = _libraries()
    torch.manual_seed(seed)
    vision = transformers.CLIPVisionConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=layout.side,
        patch_size=layout.patch,
        projection_dim=64,
    )
    text = transformers.LlamaConfig(
        vocab_size=len(layout.words),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=256,
        initializer_range=0.1,  # 0.02 is for wide models: as narrow as this, one learns nothing for long
        pad_token_id=layout.words.index("<pad>"),
        bos_token_id=layout.words.index("<bos>"),
        eos_token_id=layout.words.index("<eos>"),
    )
    config = transformers.LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=layout.words.index("<image>"),
        image_seq_length=layout.image_tokens,
        vision_feature_select_strategy="default",
        vision_feature_layer=-1,
    )
    model = transformers.LlavaForConditionalGeneration(config)
    model.generation_config.pad_token_id = text.pad_token_id
    model.generation_config.eos_token_id = text.eos_token_id
    return TinyVlm(model, _processor(transformers, layout))


def load(folder: Path) -> TinyVlm:
    """Return the model of a folder."""
    _, transformers = _libraries()
    with quietly():
        model = transformers.AutoModelForImageTextToText.from_pretrained(folder, local_files_only=True)
        return TinyVlm(model, transformers.AutoProcessor.from_pretrained(folder, local_files_only=True))


def train(vlm: TinyVlm, examples: Sequence[Example], *, steps: int, rate: float, seed: int) -> None:
    """Fit the parts that are not frozen to the answers' tokens: AdamW, the rate warmed up and let down."""
    torch, _ = _libraries()
    torch.manual_seed(seed)
    data = encode(vlm, examples)
    learnt = [one for one in vlm.model.parameters() if one.requires_grad]
    optimiser = torch.optim.AdamW(learnt, lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)
    vlm.model.train()
    order = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        if len(order) < _BATCH:
            order = torch.cat([order, torch.randperm(len(examples))])
        chosen, order = order[:_BATCH], order[_BATCH:]
        loss = vlm.model(**data.batch(chosen), labels=data.labels[chosen]).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        optimiser.step()
        schedule.step()
    vlm.model.eval()


def accuracy(vlm: TinyVlm, examples: Sequence[Example]) -> float:
    """Return the share of examples whose greedy answer is the known one."""
    said = answers(vlm, examples)
    return sum(s == e.answer for s, e in zip(said, examples, strict=True)) / len(examples)


def answers(
    vlm: TinyVlm, examples: Sequence[Example], *, longest: int = _LONGEST, sampled: bool = False
) -> list[str]:
    """Return the answer to each question, of at most `longest` tokens: the greedy one, or a draw."""
    torch, _ = _libraries()
    said: list[str] = []
    for start in range(0, len(examples), 4 * _BATCH):
        some = examples[start : start + 4 * _BATCH]
        pictures = [one.picture for one in some if one.picture is not None]
        inputs = vlm.processor(
            text=[_prompt(vlm, one) for one in some],
            images=pictures or None,
            padding=True,
            padding_side="left",
            return_tensors="pt",
        )
        with quietly(), torch.inference_mode():
            out = vlm.model.generate(**inputs, max_new_tokens=longest, do_sample=sampled)
        new = out[:, inputs["input_ids"].shape[1] :]
        said += vlm.processor.batch_decode(new, skip_special_tokens=True)
    return said


def encode(vlm: TinyVlm, examples: Sequence[Example]) -> Encoded:
    """Return examples as tensors; the labels of all but the answers' tokens are -100."""
    torch, _ = _libraries()
    tokenizer = vlm.processor.tokenizer
    shown = {id(one.picture): one.picture for one in examples if one.picture is not None}
    places = {key: at for at, key in enumerate(shown)}
    pixels = torch.empty(0)
    if shown:
        pixels = vlm.processor.image_processor(list(shown.values()), return_tensors="pt")["pixel_values"]
    image = "<image>" * vlm.model.config.image_seq_length
    prompts = [_prompt(vlm, one).replace("<image>", image) for one in examples]
    targets = [one.answer + "<eos>" for one in examples]
    asked, said = (tokenizer(some, add_special_tokens=False)["input_ids"] for some in (prompts, targets))
    n = max(len(a) + len(s) for a, s in zip(asked, said, strict=True))
    ids = torch.full((len(examples), n), tokenizer.pad_token_id)
    labels = torch.full((len(examples), n), -100)
    for row, (a, s) in enumerate(zip(asked, said, strict=True)):
        ids[row, : len(a) + len(s)] = torch.tensor([*a, *s])
        labels[row, len(a) : len(a) + len(s)] = torch.tensor(s)
    picture = torch.tensor([places.get(id(one.picture), -1) for one in examples])
    return Encoded(ids, (ids != tokenizer.pad_token_id).long(), labels, pixels, picture)


def _prompt(vlm: TinyVlm, example: Example) -> str:
    content = [{"type": "text", "text": example.question}]
    if example.picture is not None:
        content.insert(0, {"type": "image"})
    asked = [{"role": "user", "content": content}]
    return str(vlm.processor.apply_chat_template(asked, add_generation_prompt=True))


def _processor(transformers: Any, layout: Layout) -> Any:  # noqa: ANN401 - imported late
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    words = Tokenizer(models.WordLevel({word: at for at, word in enumerate(layout.words)}, unk_token="<unk>"))  # noqa: S106
    words.normalizer = normalizers.Lowercase()
    words.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation(),
            pre_tokenizers.Digits(individual_digits=True),
        ]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",  # noqa: S106
        bos_token="<bos>",  # noqa: S106
        eos_token="<eos>",  # noqa: S106
        unk_token="<unk>",  # noqa: S106
        extra_special_tokens=["<image>"],
        model_max_length=256,
    )
    side = {"height": layout.side, "width": layout.side}
    return transformers.LlavaProcessor(
        image_processor=transformers.CLIPImageProcessor(size={"shortest_edge": layout.side}, crop_size=side),
        tokenizer=tokenizer,
        patch_size=layout.patch,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )


def _libraries() -> tuple[Any, Any]:
    try:
        import torch
        import transformers
    except ImportError:
        raise AuditError(_NEEDED) from None
    return torch, transformers


@contextmanager
def quietly(threads: int = 1) -> Iterator[None]:
    """Hold torch to one thread, for two wait for each other on a busy machine; show no bars and no advice."""
    torch, transformers = _libraries()
    before, verbosity = torch.get_num_threads(), transformers.logging.get_verbosity()
    bars = transformers.logging.is_progress_bar_enabled()
    torch.set_num_threads(min(threads, before))
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        yield
    finally:
        torch.set_num_threads(before)
        transformers.logging.set_verbosity(verbosity)
        if bars:
            transformers.logging.enable_progress_bar()

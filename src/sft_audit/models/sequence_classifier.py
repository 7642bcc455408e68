"""A reward model: a sequence classifier with one label, from a local folder, as TRL loads and asks it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sft_audit.errors import AuditError

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_NEEDED = 'a reward model needs torch and transformers; pip install "sft-audit[models]"'
Conversation = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class SequenceClassifier:
    """A model and its tokenizer, which reads conversations as text: no image reaches it."""

    model: Any
    tokenizer: Any

    def rewards(self, conversations: Sequence[Conversation]) -> list[float]:
        """Return the first logit of each conversation, scored as one batch padded on the right."""
        import torch

        texts = [self.tokenizer.apply_chat_template(list(one), tokenize=False) for one in conversations]
        inputs = self.tokenizer(
            text=texts, return_tensors="pt", padding=True, padding_side="right", add_special_tokens=False
        )
        with torch.inference_mode():
            logits = self.model(**inputs).logits
        return [float(one) for one in logits[:, 0]]


def load_classifier(folder: Path) -> SequenceClassifier:
    """Load the model and tokenizer of a folder: from safetensors, from this machine, without code of its own.

    Raises AuditError where the folder is no such model.
    """
    if not (folder / "config.json").is_file():
        raise AuditError(f"{folder}: no config.json; give a reward model's folder, or FILE.py:NAME")
    if not any((folder / name).is_file() for name in _WEIGHTS):
        raise AuditError(
            f"{folder}: no model.safetensors; other weights are not loaded, save it again as one"
        )
    try:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
    except ImportError:
        raise AuditError(f"{folder}: {_NEEDED}") from None
    try:
        model, loaded = AutoModelForSequenceClassification.from_pretrained(
            folder,
            num_labels=1,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError, KeyError) as fault:
        raise AuditError(f"{folder}: not a reward model that can be loaded: {_first(fault)}") from None
    if missing := sorted(loaded["missing_keys"]):
        raise AuditError(f"{folder}: no weights for {missing[0]}, so they would be drawn at random")
    return paired(model, tokenizer, str(folder))


def of_module(model: Any, tokenizer: Any, where: str) -> SequenceClassifier:  # noqa: ANN401 - the user's own
    """Return a model that the user made; its tokenizer, if none is given, is that of its folder."""
    if tokenizer is None:
        folder = Path(getattr(getattr(model, "config", None), "_name_or_path", "") or "missing")
        if not folder.is_dir():
            raise AuditError(f"{where}: no tokenizer is known; name one `tokenizer` in the same module")
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    return paired(model, tokenizer, where)


def paired(model: Any, tokenizer: Any, where: str) -> SequenceClassifier:  # noqa: ANN401
    """Return model and tokenizer made to agree on padding; raise AuditError without a chat template."""
    if tokenizer.chat_template is None:
        raise AuditError(
            f"{where}: its tokenizer has no chat template, without which TRL cannot ask it either"
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
    return SequenceClassifier(model.eval(), tokenizer)


def is_module(value: object) -> bool:
    """Return whether a value is a torch module; torch is not imported to tell."""
    return any(
        one.__module__.startswith("torch.nn.") and one.__name__ == "Module" for one in type(value).__mro__
    )


def address_space(folder: Path) -> int:
    """Return the bytes of address space that a model of this folder takes at most: four times its weights."""
    return 4 * sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def _first(fault: Exception) -> str:
    said = " ".join(str(fault).split())
    return said[:300] or type(fault).__name__

"""TRL's reward models: a folder, or a torch module, that reads the conversation as text."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sft_audit.models.sequence_classifier import SequenceClassifier, is_module, load_classifier, of_module
from sft_audit.rewards import Rollout, Target, convention
from sft_audit.rewards.trl import asked, opened


def _matches(target: Target) -> bool:
    return isinstance(target.value, Path) or is_module(target.value)


@cache
def _model(target: Target) -> SequenceClassifier:
    """Return the one model of the run."""
    if isinstance(target.value, Path):
        return load_classifier(target.value)
    tokenizer = getattr(target.module, "tokenizer", getattr(target.module, "processing_class", None))
    return of_module(target.value, tokenizer, target.name)


@convention(
    "trl-model",
    matches=_matches,
    priority=7,
    prepare=_model,
    gives="text",
    source="huggingface/trl 1.16 trl/trainer/grpo_trainer.py, _calculate_rewards",
)
def trl_model(target: Target, rollouts: Sequence[Rollout]) -> list[float | None]:
    """`model(**tokenizer(text)).logits[:, 0]`, a batch, of the chat template's text; no image reaches it."""
    return list(_model(target).rewards([_conversation(one) for one in rollouts]))


def _conversation(one: Rollout) -> list[dict[str, Any]]:
    """Return prompt and completion; a prompt with images has parts, as TRL's have, any other is a text."""
    said = {"role": "assistant", "content": one.completion}
    if one.images:
        return [*asked(one, opened(one.images)), said]
    return [{"role": "user", "content": one.prompt}, said]

"""A plain function of one completion and its known answer."""

from collections.abc import Sequence

from sft_audit.rewards import GOLD_NAMES, Rollout, Target, convention

_COMPLETIONS = ("completion", "response", "prediction", "pred", "output", "text", "answer_text")
_PROMPTS = ("prompt", "question", "query")


def _matches(target: Target) -> bool:
    return callable(target.value) and len(target.parameters) >= 2


@convention(
    "plain",
    matches=_matches,
    priority=-1,
    gives="images",
    source="no trainer: the function that a wrapper of your own calls",
)
def plain(target: Target, rollouts: Sequence[Rollout]) -> list[float | None]:
    """`f(completion, gold)`, a sample a call; arguments told by their names, else by their places."""
    return [_one(target, rollout) for rollout in rollouts]


def _one(target: Target, one: Rollout) -> float | None:
    values: dict[str, object] = {
        **dict.fromkeys(_PROMPTS, one.prompt),
        **dict.fromkeys(_COMPLETIONS, one.completion),
        **dict.fromkeys(GOLD_NAMES, one.gold),
        **one.columns,
        "images": list(one.images),
        "image": one.images[0] if one.images else None,
    }
    named = {name: values[name] for name in target.parameters if name in values}
    told = any(name in _COMPLETIONS for name in named)
    found = target.value(**named) if told else target.value(one.completion, one.gold)
    return None if found is None else float(found)

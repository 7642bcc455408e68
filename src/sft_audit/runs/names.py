"""What trainers call the same thing."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

HELD_OUT = "gold_accuracy"
# What is measured in training, by every name that it is logged under.
NAMES: Mapping[str, str] = MappingProxyType(
    {
        "reward": "reward",  # TRL, ms-swift: the weighted sum, averaged over completions
        "critic/score/mean": "reward",  # verl, EasyR1: before a penalty on KL, unlike critic/rewards/mean
        "reward_std": "reward_std",
        "frac_reward_zero_std": "zero_std_groups",
        "entropy": "entropy",
        "entropy/mean": "entropy",  # ms-swift
        "actor/entropy": "entropy",
        "actor/entropy_loss": "entropy",  # EasyR1, older verl
        "kl": "kl",
        "actor/kl_loss": "kl",  # to the reference, unlike actor/ppo_kl
        "actor/reward_kl_penalty": "kl",
        "actor/kl_penalty": "kl",  # EasyR1
        "completions/mean_length": "length",
        "response_length/mean": "length",
        "completions/clipped_ratio": "clipped_lengths",
        "response_length/clip_ratio": "clipped_lengths",
        "clip_ratio/low_mean": "clip_low",
        "clip_ratio/high_mean": "clip_high",
        "clip_ratio/region_mean": "policy_clip",
        "clip_ratio": "policy_clip",  # older TRL
        "actor/pg_clipfrac": "policy_clip",
        "actor/pg_clipfrac_higher": "policy_clip",  # EasyR1; of its dual clip, pg_clipfrac_lower is the other
        "grad_norm": "grad_norm",
        "actor/grad_norm": "grad_norm",
        "loss": "loss",
        "actor/pg_loss": "loss",
        "learning_rate": "learning_rate",
        "lr": "learning_rate",  # LLaMA-Factory
        "actor/lr": "learning_rate",
        "step_time": "step_time",  # seconds
        "timing_s/step": "step_time",
        "num_tokens": "tokens",  # since the run began
        "num_input_tokens_seen": "tokens",
        "total_tokens": "tokens",  # LLaMA-Factory
        "epoch": "epoch",
        "training/epoch": "epoch",
        "rewards/chosen": "chosen_reward",
        "rewards/rejected": "rejected_reward",
        "rewards/margins": "margin",
        "rewards/accuracies": "preference_accuracy",
        "accuracy": "preference_accuracy",  # LLaMA-Factory
        "logps/chosen": "chosen_logp",
        "logps/rejected": "rejected_logp",
    }
)
_FUNCTION = (
    re.compile(r"rewards/(?P<name>.+)/mean"),  # TRL, ms-swift
    re.compile(r"reward/(?P<name>[^/]+)"),  # EasyR1
)
_EVALUATION = re.compile(r"(?:eval_|eval/|val/|val_|val-core/|val-aux/|test_|test/)(?P<name>.+)")
# An accuracy of answers that are known, and of one answer, not of the best or the commonest of several.
_VERL = re.compile(r"val-(?:core|aux)/.+/(?P<variable>[^/]+)/mean@\d+")
_GOLD = re.compile(r"(?:.*[/_-])?(?:acc|accuracy)(?:[/_-].*)?")
_NOT_GOLD = ("mean_token_accuracy",)


def by_name(logged: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Return numbers by what they stand for; an accuracy on held-out data is `gold_accuracy/LOGGED_NAME`.

    There may be several of these, of several sets, and each is a series of its own.
    """
    found = {}
    for name, value in logged:
        known = canonical(name)
        if known is not None:
            found[f"{HELD_OUT}/{name}" if known == HELD_OUT else known] = value
    return found


def canonical(name: str) -> str | None:
    """Return what a logged name stands for, whatever the trainer; None where it is none of these.

    In training: `reward`, `reward_std`, `zero_std_groups`, `entropy`, `kl`, `length` (tokens),
    `clipped_lengths`, `clip_low`, `clip_high`, `policy_clip` (shares), `grad_norm`, `loss`, `learning_rate`,
    `step_time` (seconds), `tokens`, `epoch`, `chosen_reward`, `rejected_reward`, `margin`,
    `preference_accuracy`, `chosen_logp`, `rejected_logp`, and `reward/NAME` for the mean of one function.
    On held-out data: `gold_accuracy` where the name says that it is one, else `eval_` before the above.
    """
    held_out = _EVALUATION.fullmatch(name)
    if held_out:
        return _held_out(name, held_out["name"])
    return _trained(name.removeprefix("train/"))


def _trained(name: str) -> str | None:
    if name in NAMES:
        return NAMES[name]
    found = next((found for one in _FUNCTION if (found := one.fullmatch(name))), None)
    return f"reward/{found['name']}" if found else None


def _held_out(whole: str, name: str) -> str | None:
    if whole.startswith(("val-core/", "val-aux/")):
        found = _VERL.fullmatch(whole)
        if not found:
            return None
        match found["variable"]:
            case "acc" | "accuracy":
                return HELD_OUT
            case "reward" | "score":
                return "eval_reward"
        return f"eval_reward/{found['variable']}"
    if name == "reward_score":
        return "eval_reward"
    if name not in _NOT_GOLD and (name not in NAMES or name == "accuracy") and _GOLD.fullmatch(name):
        return None if name.endswith(("/std", "_std")) else HELD_OUT
    known = _trained(name)
    return f"eval_{known}" if known else None

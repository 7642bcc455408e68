"""What trainers call the same thing."""

import pytest

from sft_audit.runs.names import canonical


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("reward", "reward"),
        ("train/reward", "reward"),
        ("critic/score/mean", "reward"),
        ("critic/rewards/mean", None),
        ("rewards/accuracy_reward/mean", "reward/accuracy_reward"),
        ("rewards/accuracy_reward/std", None),
        ("reward/format", "reward/format"),
        ("rewards/chosen", "chosen_reward"),
        ("rewards/margins", "margin"),
        ("train/rewards/accuracies", "preference_accuracy"),
        ("eval_rewards/accuracies", "eval_preference_accuracy"),
        ("eval_reward", "eval_reward"),
        ("eval/reward", "eval_reward"),
        ("eval_loss", "eval_loss"),
        ("eval_accuracy", "gold_accuracy"),
        ("eval_rewards/accuracy_reward/mean", "gold_accuracy"),
        ("eval_rewards/accuracy_reward/std", None),
        ("eval_rewards/format_reward/mean", "eval_reward/format_reward"),
        ("eval_mean_token_accuracy", None),
        ("mean_token_accuracy", None),
        ("val-core/geometry3k/acc/mean@8", "gold_accuracy"),
        ("val-core/hiyouga/geometry3k/acc/mean@1", "gold_accuracy"),
        ("val-core/geometry3k/acc/best@8/mean", None),
        ("val-core/geometry3k/acc/maj@8/mean", None),
        ("val-core/geometry3k/reward/mean@8", "eval_reward"),
        ("val-aux/geometry3k/format/mean@8", "eval_reward/format"),
        ("val/accuracy_reward", "gold_accuracy"),
        ("val/reward_score", "eval_reward"),
        ("val_response_length/mean", "eval_length"),
        ("actor/ppo_kl", None),
        ("actor/entropy", "entropy"),
        ("actor/pg_clipfrac_lower", None),
        ("perf/total_num_tokens", None),
        ("step_time", "step_time"),
        ("train_runtime", None),
    ],
)
def test_a_name_stands_for(name: str, known: str | None) -> None:
    assert canonical(name) == known

"""What the trainer's own numbers say."""

from collections.abc import Sequence
from math import inf, isfinite

from sft_audit.monitor.episode import Step
from sft_audit.monitor.measure import Above, At, Dropped, Outside, Shifted, number, share

# Not the gradient's norm: where losses are scaled (fp16), steps that overflow are skipped, without harm.
_MUST_BE_FINITE = (
    "loss",
    "reward",
    "kl",
    "entropy",
    "chosen_reward",
    "rejected_reward",
    "margin",
)


@number(
    grade="alarm",
    test=At(1, in_a_row=1),
    says="numbers of the trainer that are NaN or infinite",
    source="a step with such a loss destroys the weights, or is skipped without a word",
)
def not_finite(step: Step) -> float | None:
    """How many of the trainer's numbers that must be finite are not."""
    known = [value for name, value in step.metrics.items() if name in _MUST_BE_FINITE]
    return float(sum(not isfinite(value) for value in known)) if known else None


@number(
    grade="notice",
    test=Outside(low=0.1),
    says="nats of entropy a token",
    source="ours; published runs spend ~73 % of it in their first 200 steps (arXiv:2505.22617)",
)
def entropy(step: Step) -> float | None:
    """The policy's entropy, in nats a token."""
    return step.logged("entropy")


@number(
    grade="notice",
    test=Shifted(side=1, needed=8.0, least=1.0),
    says="the gradient's norm",
    source="ours; eight shifts cumulated, each the mean of the first twenty or their spread",
)
def grad_norm(step: Step) -> float | None:
    """The norm of the gradient."""
    return step.logged("grad_norm")


@share(
    grade="notice",
    unit="step",
    test=Above(0.05),
    says="completions cut off at the length limit",
    source="ours; a completion that is cut off is paid for what it did not say",
)
def clipped(step: Step) -> Sequence[float]:
    """The share of completions that were cut off, as the trainer tells it."""
    value = step.logged("clipped_lengths")
    return [value] if value is not None and 0 <= value <= 1 else []


@number(
    grade="notice",
    test=At(inf, in_a_row=5),
    says="nats of divergence from the reference model",
    source="twice what was planned; without a plan it is shown and not judged (arXiv:2210.10760, section 3)",
)
def kl(step: Step) -> float | None:
    """The divergence from the reference model, as the trainer estimates it."""
    return step.logged("kl")


@number(
    grade="alarm",
    test=Dropped(in_a_row=2, margin=0.03, noise=0.02),
    says="held-out accuracy",
    source="ours; three points and five standard deviations below the best, twice in a row",
)
def gold_accuracy(step: Step) -> float | None:
    """The accuracy on held-out prompts, as the trainer's own evaluation has it."""
    return step.logged("gold_accuracy")

"""What is left to learn in the groups, and whether their rewards can be trusted."""

from collections.abc import Sequence
from itertools import combinations

from sft_audit.monitor.episode import Step
from sft_audit.monitor.measure import Above, share


@share(
    grade="notice",
    unit="group",
    test=Above(0.6),
    says="groups that are paid alike and teach nothing",
    source="ours; DAPO (arXiv:2503.14476) drops such groups and samples others",
)
def zero_variance(step: Step) -> Sequence[float]:
    """1 for a group whose rewards are all equal, else 0; without completions the trainer's own share."""
    if not step.groups:
        logged = step.metrics.get("zero_std_groups")
        return [logged] if logged is not None and 0 <= logged <= 1 else []
    groups = [{one.reward for one in group if one.reward is not None} for group in step.groups]
    return [float(len(rewards) == 1) for rewards in groups if rewards]


@share(
    grade="alarm",
    unit="group",
    test=Above(0.01),
    says="completions without a reward",
    source="ours; a trainer takes the mean over what is left, or the step's loss is NaN",
)
def unpaid(step: Step) -> Sequence[float]:
    """The share of a group's completions that have no reward; nothing where no completion has one.

    A log without rewards says nothing of them.
    """
    if all(one.reward is None for one in step.episodes):
        return []
    return [sum(one.reward is None for one in group) / len(group) for group in step.groups]


@share(
    grade="notice",
    unit="group",
    test=Above(0.6),
    says="pairs of equally right completions, paid unlike, of which the longer is paid more",
    source="ours; it is a rank correlation of 0.2 between length and reward",
)
def length_paid(step: Step) -> Sequence[float]:
    """The share of a group's pairs that read alike and are paid unlike in which the longer is paid more."""
    found = []
    for group in step.groups:
        told = [one for one in group if one.reward is not None]
        longer = [
            (a.words - b.words) * ((a.reward or 0.0) - (b.reward or 0.0)) > 0
            for a, b in combinations(told, 2)
            if a.reading == b.reading and a.reward != b.reward and a.words != b.words
        ]
        if longer:
            found.append(sum(longer) / len(longer))
    return found

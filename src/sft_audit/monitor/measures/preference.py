"""What preference optimisation (DPO and its kin) logs of chosen and rejected responses."""

from sft_audit.monitor.episode import Step
from sft_audit.monitor.measure import At, Dropped, number


@number(
    grade="notice",
    test=At(1, in_a_row=10),
    says="chosen responses less likely than at the start while the margin is above 0 (1 is yes)",
    source="likelihood displacement (Razin et al., arXiv:2410.08847); ten logs in a row is ours",
)
def displaced(step: Step) -> float | None:
    """1 where the chosen responses are less likely than under the reference, and the margin is above 0."""
    chosen, apart = step.logged("chosen_reward"), margin(step)
    if chosen is None or apart is None:
        return None
    return float(chosen < 0 < apart)


@number(
    grade="alarm",
    test=Dropped(in_a_row=5, times=0.5),
    says="the margin between chosen and rejected responses",
    source="ours; half of the best margin, five logs in a row",
)
def margin(step: Step) -> float | None:
    """The mean difference of the implicit rewards of chosen and rejected responses."""
    chosen, rejected = step.logged("chosen_reward"), step.logged("rejected_reward")
    logged = step.logged("margin")
    return logged if logged is not None or chosen is None or rejected is None else chosen - rejected

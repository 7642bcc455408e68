"""CKP125."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import change
from sft_audit.record.judged import Judged

_ASKED = Judged("yes_bias")


@check(
    "CKP125",
    severity="warning",
    axis="blindness",
    reads=("changes",),
    of=_ASKED.of,
    bad=[{"changes": [change("yes_bias", 0.3, 0.2, 0.4, 0.02)]}],
    good=[{"changes": [change("yes_bias", 0.02, -0.04, 0.08, 0.02)]}],
)
def yes_bias(db: Tables, *, most: float = 0.1) -> Relation:
    """Yes is said more often, or less, than it is right.

    ## Why it matters
    A model that says yes to every object hallucinates; a reward on a set with as much of a skew pays for
    it.

    ## Options
    `most`: difference of the shares, either way, above which it is reported where 0 lies outside its
    interval.

    ## Known limits
    The score is the difference of the share of yes and the share of probes of which yes is right.

    ## Source
    Yes ratio of POPE, arXiv:2305.10355, against the share of yes among these probes. The level is ours.
    """
    return _ASKED.found(
        db,
        where="abs(sft) > $most and sft_low * sft_high > 0",
        score="abs(sft)",
        message="""
            if(sft > 0, 'says yes too often: by ', 'says no too often: by ') || printf('%.0f', 100 * abs(sft))
                || ' points (95 % interval ' || printf('%.0f', 100 * sft_low) || ' to '
                || printf('%.0f', 100 * sft_high) || ', ' || n || ' yes/no probes), base model '
                || coalesce(printf('%+.0f', 100 * base), 'not asked')
        """,
        most=most,
    )

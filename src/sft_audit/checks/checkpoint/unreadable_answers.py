"""CKP130."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import change
from sft_audit.record.judged import Judged
from sft_audit.rewards.trial import CLOSED

_ASKED = Judged("readable")
_UNREAD = """
    select left(text, 80)
    from responses
    join probes using (sample_id, turn)
    where model = 'sft'
        and condition = 'own'
        and draw = 0
        and not readable
        and list_contains($closed, answer_kind)
    order by sample_id, turn
    limit 1
"""


@check(
    "CKP130",
    severity="error",
    axis="readiness",
    reads=("changes", "responses", "probes"),
    of=_ASKED.of,
    bad=[{"changes": [change("readable", 0.5, 0.4, 0.6, 0.9)]}],
    good=[{"changes": [change("readable", 1.0, 0.98, 1.0, 0.9)]}],
)
def unreadable_answers(db: Tables, *, least: float = 0.98) -> Relation:
    """Answers are not in a form that can be read.

    ## Why it matters
    What no verifier can read is not paid: the run spends its first steps on the format. SFT is there to
    teach it.

    ## Options
    `least`: share below which it is reported.

    ## Known limits
    Read by the rules that read sampled answers (RWD118): an answer in words of its own may be unread here
    and read by your reward function. The score is the share of unreadable answers, at the lower 95 % bound.

    ## Source
    Without SFT for the format RL failed: SFT Memorizes, RL Generalizes, arXiv:2501.17161. The levels are
    ours.
    """
    return _ASKED.found(
        db,
        where="sft < $least",
        score="1 - sft_high",
        message=f"""
            'answers that can be read: ' || measured(sft, sft_low, sft_high) || ' of ' || n
                || ' probes, base model ' || measured(base, base_low, base_high)
                || coalesce(', for example it says "' || ({_UNREAD}) || '"', '')
        """,
        least=least,
        closed=sorted(CLOSED),
    )

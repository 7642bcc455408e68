"""CKP136."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import change
from sft_audit.record.judged import Judged

_ASKED = Judged("accuracy_above_chance")


@check(
    "CKP136",
    severity="warning",
    axis="blindness",
    reads=("changes",),
    of=_ASKED.of,
    bad=[
        {"changes": [change("accuracy_above_chance", 0.02, -0.05, 0.09, 0.01)]},
        {
            "changes": [
                change("accuracy_above_chance", 0.15, 0.06, 0.24, -0.17),
                change("swap_gain", 0.17, 0.1, 0.25, 0),
            ]
        },
    ],
    good=[
        {"changes": [change("accuracy_above_chance", 0.5, 0.4, 0.6, 0.5)]},
        {
            "changes": [
                change("accuracy_above_chance", 0.5, 0.4, 0.6, -0.17),
                change("swap_gain", 0.48, 0.4, 0.56, 0),
            ]
        },
    ],
)
def sight_not_shown(db: Tables, *, least: float = 0.5, fewest: int = 20) -> Relation:
    """The checkpoint does not show that it sees: it guesses, or the right image hardly helps it.

    ## Why it matters
    What is said of pairs is said beside the base model. Where that one sees nothing, as before a fresh
    projector is trained, nothing can fall: after SFT a model must show by itself that it looks. One that was
    taught to go by the text starts RL without.

    ## Options
    `least`: gain of the right image over a swapped one below which, beyond chance, it is reported. `fewest`:
    probes with a swapped image from which on that is judged.

    ## Known limits
    The gain is the share right with the right image, less that with one about which the answer is another: 1
    for a model that always sees, 0 for one that guesses, and for one that sees some and guesses the others
    the share seen, whatever chance is. Hard probes, or a form that neither model answers, lower it too: then
    they say nothing of sight, and others are needed. A model that looks only where the text is silent passes;
    cues (`follows-cues`) and answers without the image tell it. Reported too where the 95 % interval of
    accuracy, chance taken off, reaches 0. The score is the upper end of the lower of both intervals, its sign
    turned, plus 1.

    ## Source
    Swapped inputs: Gat et al. 2021, arXiv:2110.14375. Chance-corrected accuracy,
    (share right - chance) / (1 - chance). That a model should see half of what it is asked is ours.
    """
    return db.sql(
        """
        with accuracy as (
            from changes
            where measure = 'accuracy_above_chance'
        ), gain as (
            from changes
            where measure = 'swap_gain' and n >= $fewest
        )
        select
            null as sample_id,
            null::integer as turn,
            1 - least(accuracy.sft_high, coalesce(gain.sft_high, accuracy.sft_high)) as score,
            0.95 as confidence,
            'nothing shows that it sees: ' || coalesce(
                'the right image gains it ' || measured(gain.sft, gain.sft_low, gain.sft_high)
                    || ' in accuracy over a swapped one (always seeing gains 1, guessing 0; '
                    || gain.n || ' probes), the base model '
                    || measured(gain.base, gain.base_low, gain.base_high) || '; ',
                ''
            ) || 'its accuracy above chance is '
                || measured(accuracy.sft, accuracy.sft_low, accuracy.sft_high) || ' on ' || accuracy.n
                || ' image probes, base model '
                || measured(accuracy.base, accuracy.base_low, accuracy.base_high) as message,
            json_object(
                'key', 'sight',
                'n', accuracy.n,
                'base', accuracy.base,
                'sft', accuracy.sft,
                'gain', gain.sft,
                'gain_base', gain.base
            ) as evidence
        from accuracy
        left join gain on true
        where accuracy.sft_low <= 0 or gain.sft_high < $least
        """,
        least=least,
        fewest=fewest,
    )

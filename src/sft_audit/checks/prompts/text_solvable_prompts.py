"""SIG102."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import log, prompts

_SEEN = [*log("known", [1] * 8), *log("seen", [1] * 7 + [0])]
_BLIND = [*log("known", [1] * 8), *log("seen", [0, 1, 0, 0])]


@check(
    "SIG102",
    severity="warning",
    axis="blindness",
    reads=("prompts", "text_answers", "text_excess"),
    of="select count(*) from text_answers",
    bad=[prompts("known")],
    good=[prompts("seen")],
    given={"samples": _SEEN, "blind_samples": _BLIND},
)
def text_solvable_prompts(db: Tables, *, q: float = 0.05) -> Relation:
    """Prompts are answered rightly without the image, more often than chance.

    ## Why it matters
    A prompt that the text answers pays the model for not looking. Runs on such prompts reward the shortcut,
    and a model that takes it early does not unlearn it.

    ## Options
    `q`: false-discovery rate up to which a prompt is reported by itself.

    ## Known limits
    Chance is 1/2 for yes or no and 1/C for C options; elsewhere it is the share of the most frequent answer
    to the same template, or of the answer kind where fewer than 10 prompts share the template. A set
    whose yes or no answers are skewed shows as text-solvable, which it is. Needs completions sampled without
    the image (`--blind-samples`), with the ordinary prompt: told that there is no image, models hold back.
    Prompts are told one by one only where the whole is above chance: a blind model that always gives one
    answer is right on some of them eight times in eight. The score, of the whole alone, is the share above
    chance: (accuracy - chance) / (1 - chance).

    ## Source
    VidGround (2026): 30.9 % of Video-R1-260K could be answered from text, and training on all of it ended
    below the base model. Mirage (arXiv:2603.21687) on the wording. Per prompt a binomial test, Benjamini and
    Hochberg (1995) over prompts.
    """
    return db.sql(
        """
        select
            null as sample_id,
            null::integer as turn,
            excess as score,
            0.9 as confidence,
            'without the image ' || printf('%.1f', 100 * accuracy)
                || ' % of completions are right, where chance'
                || ' is ' || printf('%.1f', 100 * chance) || ' %: ' || printf('%.1f', 100 * excess)
                || ' % of what chance leaves (95 % interval ' || printf('%.1f', 100 * low) || ' to '
                || printf('%.1f', 100 * high) || ' %)'
                || coalesce('; with it ' || printf('%.1f', 100 * seeing) || ' %', '') as message,
            json_object(
                'key', 'excess', 'high', high, 'low', low, 'accuracy', accuracy, 'chance', chance,
                'prompts', prompts
            ) as evidence
        from text_excess
        where low > 0
        union all
        select
            sample_id,
            turn,
            null,
            1 - q,
            "right" || ' of ' || n || ' completions without the image are right, where chance is '
                || printf('%.0f', 100 * chance) || ' % (p = ' || printf('%.2g', p) || ')',
            json_object('p', p, 'q', q, 'chance', chance)
        from text_answers
        where q <= $q and (select low > 0 from text_excess)
        """,
        q=q,
    )

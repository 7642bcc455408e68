"""SIG101."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import log, prompts

_LOG = [*log("solved", [1] * 8), *log("failed", [0] * 8), *log("mixed", [1, 0] * 4)]


@check(
    "SIG101",
    severity="warning",
    axis="readiness",
    reads=("prompts", "signal"),
    of="select count(*) from prompts where n > 0",
    bad=[prompts("solved"), prompts("failed")],
    good=[prompts("mixed")],
    given={"samples": _LOG},
)
def no_signal_prompts(db: Tables, *, least: float = 0.2) -> Relation:
    """Groups of completions are all right or all wrong, and teach nothing.

    ## Why it matters
    GRPO, RLOO and DAPO learn from differences inside a group. Where all its completions are right, or all
    wrong, every advantage is 0: the group is generated, judged and paid for, and moves nothing.

    ## Options
    `least`: expected share of such groups from which it is reported.

    ## Known limits
    Right and wrong are told by a threshold: a graded reward may differ inside a group that is all wrong.
    The samples stand for the model that wrote them; in the course of a run prompts become easier. The
    score is the share of such groups in one pass over the prompts that were sampled.

    ## Source
    DAPO (arXiv:2503.14476) and PAPO (arXiv:2507.06448) sample on until no group is all right or all wrong.
    With k samples, c right, and groups of G <= k: C(c, G) / C(k, G) + C(k - c, G) / C(k, G), unbiased as
    pass@k is (Chen et al. 2021, arXiv:2107.03374); with k < G the nonparametric maximum-likelihood
    distribution of pass rates (Kiefer and Wolfowitz 1956).
    """
    return db.sql(
        """
        select
            null as sample_id,
            null::integer as turn,
            no_signal as score,
            0.95 as confidence,
            'of groups of ' || generations || ' completions ' || printf('%.1f', 100 * no_signal)
                || ' % are expected to be all right or all wrong (95 % interval '
                || printf('%.1f', 100 * low) || ' to ' || printf('%.1f', 100 * high) || ' %); in the samples '
                || always || ' of ' || prompts || ' prompts were always right and ' || never
                || ' never' as message,
            json_object(
                'key', 'no_signal', 'high', high, 'low', low, 'method', method, 'prompts', prompts,
                'completions', completions, 'generations', generations
            ) as evidence
        from signal
        where high >= $least
        """,
        least=least,
    )

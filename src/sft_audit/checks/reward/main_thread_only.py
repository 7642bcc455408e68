"""RWD111."""

from sft_audit.check import Relation, Tables, check

_SIGNALS = """
import signal

def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    except ValueError:
        return 0.0
    return float(solution_str.strip() == ground_truth)
"""
_PLAIN = """
def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    return float(solution_str.strip() == ground_truth)
"""


@check(
    "RWD111",
    severity="error",
    axis="integrity",
    reads=("rewards", "trials"),
    of="select count(*) from trials where condition = 'main thread'",
    bad=[_SIGNALS],
    good=[_PLAIN],
)
def main_thread_only(db: Tables) -> Relation:
    """The function works in the main thread alone, and this trainer calls it in another.

    ## Why it matters
    math-verify sets a timer by a signal, which Python allows in the main thread only. verl and OpenRLHF
    call rewards in worker threads: there it raises, and the usual `except` makes that a reward of 0 for
    all.

    ## Options
    None.

    ## Known limits
    Right answers are put once more in the main thread, where the trainer's convention is another
    thread. Where the function pays more of them there, this is reported. The score is the share that
    only the main thread pays.

    ## Source
    Executed with math-verify 0.9.0: parse and verify raise ValueError outside the main thread.
    """
    return db.sql(
        """
        with pairs as (
            select main.trial, main.paid as there, bool_or(own.paid) as here, any_value(own.error) as error
            from trials as main
            join trials as own using (sample_id, turn, family, completion)
            where main.condition = 'main thread' and own.condition = 'own'
            group by main.trial, main.paid
        ), counted as (
            select
                count(*) as n,
                count(*) filter (there and here is not true) as k,
                any_value(error) as error
            from pairs
        )
        select
            null as sample_id,
            null::integer as turn,
            k / n as score,
            1.0 as confidence,
            k || ' of ' || n || ' right answers are paid in the main thread and not in the thread in which '
                || convention || ' calls the function'
                || coalesce(': ' || error, ', without an exception: it is swallowed') as message,
            json_object(
                'key', convention, 'k', k, 'n', n, 'low', wilson_low(k, n), 'high', wilson_high(k, n)
            ) as evidence
        from counted
        cross join rewards
        where k > 0
        """,
    )

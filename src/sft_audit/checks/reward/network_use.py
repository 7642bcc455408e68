"""RWD110."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import EXACT_REWARD

_CONNECTS = """
import socket

def reward(completions, **columns):
    socket.create_connection(("127.0.0.1", 9), timeout=1)
    return [0.0 for _ in completions]
"""


@check(
    "RWD110",
    severity="warning",
    axis="integrity",
    reads=("rewards", "trials"),
    of="select count(*) from trials",
    bad=[_CONNECTS],
    good=[EXACT_REWARD],
)
def network_use(db: Tables) -> Relation:
    """The function opens a connection that was not allowed.

    ## Why it matters
    A judge server is a normal reward; a connection that nobody expects sends the data away, or makes
    the reward depend on what is not under version control.

    ## Options
    None.

    ## Known limits
    Connections of Python's sockets are seen and refused, those of other libraries are stopped on Linux
    by a network namespace of its own where the system allows one. `--allow-host` allows a host by name.
    The score is the share of askings that tried.

    ## Source
    None is needed: the function said so itself.
    """
    return db.sql(
        """
        with tried as (
            select refused, count(*) as k
            from trials
            where refused is not null
            group by refused
        ), counted as (
            select count(*) as n
            from trials
        )
        select
            null as sample_id,
            null::integer as turn,
            k / n as score,
            1.0 as confidence,
            'it tried to reach ' || refused || ' in ' || k || ' of ' || n
                || ' askings, and was refused' as message,
            json_object('key', refused, 'k', k, 'n', n) as evidence
        from tried
        cross join counted
        """,
    )

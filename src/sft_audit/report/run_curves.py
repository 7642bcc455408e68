"""The curves of a run's page: some hundred points of each, whatever the run's length."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from sft_audit.interval import Clustered
from sft_audit.store import Store

MOST_POINTS = 120
MOST_MEASURES = 48
# A bucket is some steps in a row; of a run with few steps, one.
_BUCKETS = """
    create or replace temp table buckets as
    with steps_of_run as (
        select distinct step from episodes
    ), ranked as (
        select step, row_number() over (order by step) - 1 as rank, count(*) over () as many
        from steps_of_run
    )
    select step, if(many <= $most, rank, rank * $most // many) as bucket
    from ranked
"""
# Sums are taken in order: floating-point numbers added otherwise are not the same bytes.
_OF_GROUPS = """
    with grouped as (
        select
            bucket,
            max(step) over (partition by bucket) as shown_at,
            rollout,
            group_no,
            reward,
            reading,
            exploits
        from episodes
        join buckets using (step)
    ), summed as (
        select
            bucket,
            max(shown_at) as step,
            group_no,
            count(*) filter (reading <> 'unread') as told,
            count(*) filter (reading = 'right') as is_right,
            count(*) as n,
            count(*) filter (exploits <> '') as shown,
            sum(reward order by rollout) as reward,
            count(reward) as paid,
            sum(greatest(reward, 0) order by rollout) as pay,
            sum(greatest(reward, 0) order by rollout) filter (exploits <> '') as exploit_reward
        from grouped
        group by bucket, group_no
    )
    select
        max(step) as step,
        sum(reward order by group_no) / nullif(sum(paid), 0) as reward,
        sum(exploit_reward order by group_no) / nullif(sum(pay order by group_no), 0) as exploit_reward,
        [count(*) filter (told > 0), sum(is_right), sum(told), sum(is_right * is_right), sum(is_right * told),
            sum(told * told)]::bigint[] as is_right,
        [count(*), sum(shown), sum(n), sum(shown * shown), sum(shown * n), sum(n * n)]::bigint[] as shown
    from summed
    group by bucket
    order by bucket
"""
_LOGGED = """
    select step, avg(value order by rowid)
    from steps
    where metric = $metric and isfinite(value)
    group by step
    order by step
"""
# Of every bucket of a measure its extremes stay, and the first, the last and the alarm's step.
_SERIES = """
    with ranked as (
        select
            measure,
            step,
            value,
            low,
            high,
            level,
            row_number() over (partition by measure order by step) - 1 as rank,
            count(*) over (partition by measure) as many
        from series
        where isfinite(value)
    ), marked as (
        select
            *,
            rank * $most // many as bucket,
            min(value) over (partition by measure, rank * $most // many) as least,
            max(value) over (partition by measure, rank * $most // many) as most
        from ranked
    )
    select marked.measure, marked.step, marked.value, marked.low, marked.high, marked.level
    from marked
    left join alarms on alarms.measure = marked.measure and alarms.step = marked.step
    where many <= 2 * $most or rank in (0, many - 1) or alarms.step is not null
        or marked.value in (least, most)
    qualify many <= 2 * $most or alarms.step is not null or rank in (0, many - 1)
        or row_number() over (partition by marked.measure, bucket, marked.value order by marked.step) = 1
    order by marked.measure, marked.step
"""


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a curve; its ends are None where it has no interval."""

    step: int
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """What is drawn of one thing, over the steps; `level` is what it is held against in the end."""

    name: str
    points: tuple[Point, ...]
    level: float | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """How the run went: the reward, the share read right, that of exploits, and that of the reward's."""

    reward: Curve
    right: Curve
    exploits: Curve
    exploit_reward: Curve


def read_course(store: Store) -> Course:
    """Return the run's course from its completions; without any, from what the trainer logged."""
    store.execute(_BUCKETS, {"most": MOST_POINTS})
    rows: Sequence[Mapping[str, Any]] = store.arrow(_OF_GROUPS).to_pylist()
    store.execute("drop table buckets")
    if not rows:
        return Course(
            Curve("reward", _logged(store, "reward")),
            Curve("held-out accuracy", _logged(store, "gold_accuracy")),
            Curve("exploits", ()),
            Curve("exploits' part of the reward", ()),
        )
    return Course(
        Curve("reward", _plain(rows, "reward")),
        Curve("read right", _shares(rows, "is_right")),
        Curve("completions with an exploit", _shares(rows, "shown")),
        Curve("their part of the reward", _plain(rows, "exploit_reward")),
    )


def _plain(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[Point, ...]:
    found = ((row["step"], row[name]) for row in rows)
    return tuple(Point(step, value) for step, value in found if value is not None and isfinite(value))


def _shares(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[Point, ...]:
    told = ((row["step"], Clustered(*row[name])) for row in rows)
    return tuple(Point(step, *sums.spread) for step, sums in told if sums.n)


def _logged(store: Store, metric: str) -> tuple[Point, ...]:
    rows = store.rows(_LOGGED, {"metric": metric})
    apart = -(-len(rows) // MOST_POINTS) or 1
    kept = [some for at in range(0, len(rows), apart) if (some := rows[at : at + apart])]
    return tuple(Point(some[-1][0], sum(value for _, value in some) / len(some)) for some in kept)


def read_measures(store: Store) -> tuple[Curve, ...]:
    """Return every measure of the monitor, known to it or not, by name."""
    found: dict[str, list[Point]] = {}
    levels: dict[str, float] = {}
    for measure, step, value, low, high, level in store.rows(_SERIES, {"most": MOST_POINTS // 2}):
        found.setdefault(measure, []).append(Point(step, value, low, high))
        if level is not None and isfinite(level):
            levels[measure] = level
    curves = (Curve(name, tuple(points), levels.get(name)) for name, points in sorted(found.items()))
    return tuple(curves)[:MOST_MEASURES]


def read_behaviours(store: Store, names: Sequence[str]) -> tuple[Curve, ...]:
    """Return the share of each named behaviour at every stage of RL."""
    found: dict[str, list[Point]] = {name: [] for name in names}
    for name, step, share in store.rows(
        """
        with ranked as (
            select *, dense_rank() over (order by step) - 1 as rank
            from behaviours
            where stage = 'rl' and behaviour in (select unnest($names::varchar[]))
        ), placed as (
            select *, rank * $most // greatest(max(rank) over () + 1, $most) as bucket
            from ranked
        )
        select behaviour, max(step), sum(k) / sum(n)
        from placed
        group by behaviour, bucket
        order by behaviour, bucket
        """,
        {"names": list(names), "most": MOST_POINTS},
    ):
        found[name].append(Point(step, share))
    return tuple(Curve(name, tuple(points)) for name, points in found.items())

"""The page of an RL run: what it reinforces, when that could be seen, and how it went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from markupsafe import Markup

from sft_audit.audit import Outcome
from sft_audit.config import AuditConfig, RunConfig
from sft_audit.monitor.measure import all_measures
from sft_audit.report.postmortem import Postmortem, read_postmortem, write_guilty_rows
from sft_audit.report.run_chart import WAY_COLOURS, draw_measure, draw_pair, draw_way
from sft_audit.report.run_checkpoints import read_series
from sft_audit.report.run_curves import Course, Point, read_behaviours, read_course, read_measures
from sft_audit.report.run_words import Unasked, do_now, held_against, not_asked, what_to_do
from sft_audit.runs import find_run
from sft_audit.store import Store

_LAST = 10  # steps, or points of a longer run, over which "now" is taken
_MOST_ALARMS, _MOST_EXAMPLES, _EACH = 40, 9, 3


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the audit says of the run; each part empty where it was not asked."""

    run: str
    steps: int
    first: int | None
    last: int | None
    completions: int
    alarms: tuple[dict[str, Any], ...]
    now: tuple[dict[str, Any], ...]
    amplifications: tuple[dict[str, Any], ...]
    lately: dict[str, float]
    to_do: tuple[str, ...]
    not_asked: tuple[Unasked, ...]
    postmortem: Postmortem | None


# Each measure over the last steps that have it, beside the first.
_NOW = """
    with ranked as (
        select
            *,
            row_number() over (partition by measure order by step) as early,
            row_number() over (partition by measure order by step desc) as late
        from series
        where isfinite(value)
    )
    select
        measure,
        avg(value order by step) filter (early <= 5) as first,
        avg(value order by step) filter (late <= 5) as last,
        count(*) as n,
        measure in (select measure from alarms) as alarmed
    from ranked
    group by measure
    order by alarmed desc, measure
"""
_ALARMS = """
    select * replace (
        if(isfinite(level), level, null) as level,
        least(evidence, 1e9) as evidence,
        if(isfinite(value), value, null) as value
    )
    from alarms
    order by step, grade, measure
    limit $most
"""
_WAYS = """
    from amplifications
    where k > 0 or before_k > 0 or coalesce(data_k, 0) > 0
    order by exploit desc, share desc, behaviour
"""
# Of what is paid and should not be: exploits first, each text once; wrong, well paid and late ones first.
_EXAMPLES = """
    with shown as (
        select
            * replace (if(isfinite(reward), reward, null) as reward),
            if(exploits <> '', exploits, 'paid and wrong') as why
        from episodes
        where exploits <> '' or (reading = 'wrong' and reward > 0)
    ), distinct_texts as (
        select *
        from shown
        qualify row_number() over (
            partition by why, completion
            order by reading = 'wrong' desc, reward desc nulls last, step desc, rollout
        ) = 1
    ), ranked as (
        select *
        from distinct_texts
        qualify row_number() over (
            partition by why order by reading = 'wrong' desc, reward desc nulls last, step desc, rollout
        ) <= $each
    )
    select
        why,
        ranked.step,
        ranked.reward,
        reading,
        left(coalesce(prompt, ''), 2000) as prompt,
        left(ranked.completion, 2000) as completion,
        coalesce(gold, '') as gold,
        file,
        line
    from ranked
    join rollouts using (rollout)
    order by why = 'paid and wrong', ranked.reward desc nulls last, ranked.step desc, rollout
    limit $most
"""


def read_run(config: AuditConfig, store: Store) -> Sheet:
    """Return the sheet."""
    if not isinstance(config, RunConfig):
        raise TypeError("the page of a run needs a RunConfig")
    first, last, steps = store.rows("select min(step), max(step), count(distinct step) from series")[0]
    alarms = tuple(store.arrow(_ALARMS, {"most": _MOST_ALARMS}).to_pylist())
    now = tuple(store.arrow(_NOW).to_pylist())
    grave = [one for one in alarms if one["grade"] == "alarm"]
    return Sheet(
        run=str(config.run),
        steps=steps,
        first=first,
        last=last,
        completions=store.value("select count(*) from episodes"),
        alarms=alarms,
        now=now,
        amplifications=tuple(store.arrow(_WAYS).to_pylist()),
        lately=_lately(read_course(store)),
        to_do=tuple(do_now(grave, find_run(config.run).checkpoints)),
        not_asked=not_asked(config, [one["measure"] for one in now]),
        postmortem=read_postmortem(config, store),
    )


def _lately(course: Course) -> dict[str, float]:
    """Return the means over the last points: reward, share read right, exploits, their part of the reward."""
    curves = {
        "reward": course.reward,
        "right": course.right,
        "exploits": course.exploits,
        "exploit_reward": course.exploit_reward,
    }
    return {name: _mean(curve.points[-_LAST:]) for name, curve in curves.items() if curve.points}


def _mean(points: Sequence[Point]) -> float:
    return sum(one.value for one in points) / len(points)


def write_run(store: Store, sheet: Sheet, outcome: Outcome) -> None:
    """Write `report.html`: of bounded size, and without anything from outside."""
    from sft_audit.report.ledger import read_faults
    from sft_audit.report.page import environment

    write_guilty_rows(store)
    html = (
        environment()
        .get_template("run.html.j2")
        .render(
            sheet=sheet,
            outcome=outcome,
            charts=_charts(store, sheet),
            small=_small(store, sheet),
            ways=sheet.amplifications[: len(WAY_COLOURS)],
            way_colours=WAY_COLOURS,
            held=held_against([one["measure"] for one in sheet.now]),
            what_to_do=what_to_do,
            examples=store.arrow(_EXAMPLES, {"most": _MOST_EXAMPLES, "each": _EACH}).to_pylist(),
            faults=read_faults(outcome),
            number=_number,
            series=read_series(store),
        )
    )
    (store.folder / "report.html").write_text(html, encoding="utf-8")


def _charts(store: Store, sheet: Sheet) -> Mapping[str, Markup | None]:
    course = read_course(store)
    grave = [one["step"] for one in sheet.alarms if one["grade"] == "alarm"]
    first = min(grave, default=None)
    shown = sheet.amplifications[: len(WAY_COLOURS)]
    named = read_behaviours(store, [one["behaviour"] for one in shown])
    title = "Exploits, and their part of the reward"
    exploits = draw_pair("exploits", title, course.exploits, course.exploit_reward, first)
    return {
        "course": draw_pair("course", f"Reward and {course.right.name}", course.reward, course.right, first),
        "right": Markup("") if not course.right.points else Markup.escape(course.right.name),
        "exploits": exploits if any(one.value for one in course.exploits.points) else None,
        "way": draw_way(shown, named, first),
    }


def _small(store: Store, sheet: Sheet) -> list[tuple[str, str, int | None, Markup]]:
    """Return every measure small: its name, what it is, the step of its alarm, and the drawing."""
    known = all_measures()
    steps = {one["measure"]: int(one["step"]) for one in sheet.alarms}
    found = []
    for at, curve in enumerate(read_measures(store)):
        one = known.get(curve.name)
        alarm = steps.get(curve.name)
        share = one is not None and one.shares is not None
        drawn = draw_measure(f"measure-{at}", curve, share, alarm)
        found.append((curve.name, one.says if one else "", alarm, drawn))
    return sorted(found, key=lambda each: (each[2] is None, each[0]))


def _number(value: float | None) -> str:
    """Return a number in three digits; a dash where there is none."""
    return "-" if value is None or not isfinite(value) else f"{value:.3g}"

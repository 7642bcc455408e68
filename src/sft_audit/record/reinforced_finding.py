"""What the checks of a failed run say of a behaviour that was reinforced."""

from typing import Any

from sft_audit.check import Relation, Tables

OF = "select count(*) from episodes where isfinite(reward)"
_FOUND = """
    select
        null as sample_id,
        null::integer as turn,
        share_last as score,
        1 - q as confidence,
        'completions that ' || says || ' were reinforced'
            || case among when 'wrong' then ' though wrong' else '' end
            || ': advantage ' || printf('%+.2f', effect) || ' against others of their group'
            || case among when 'wrong' then ' that are wrong too' else '' end
            || ' (95 % interval ' || printf('%+.2f', low) || ' to ' || printf('%+.2f', high) || '), '
            || printf('%.1f', 100 * share_first) || ' % of completions in the first steps, '
            || printf('%.1f', 100 * share_last) || ' % in the last'
            || coalesce(
                '; to be seen from step ' || seen || ', ' || steps_after || ' steps before the end'
                    || coalesce(' (' || printf('%.3g', gpu_hours) || ' GPU-hours)', ''),
                ''
            )
            || if(hole = '', '', '; ' || hole)
            || if(
                kind = 'leak',
                '; it is a leak if the prompt can be answered without these words, as from its image, and '
                    || 'none if reading them is the task, as with a passage',
                ''
            )
            || coalesce('; ' || sft_rows || ' of ' || sft_looked || ' SFT rows show it', '') as message,
        json_object(
            'key', kind || ' ' || feature, 'feature', feature, 'kind', kind, 'q', q, 'low', low, 'high', high,
            'prompts', prompts, 'seen', seen, 'steps_after', steps_after, 'gpu_hours', gpu_hours,
            'sft_rows', sft_rows, 'sft_looked', sft_looked,
            'rows', (
                select list(file || ':' || position order by md5(file || ':' || position))[:10]
                from taught_rows
                where taught_rows.behaviour = reinforced.behaviour
            )
        ) as evidence
    from reinforced
"""


def found(db: Tables, which: str) -> Relation:
    """Return a finding about the whole for each behaviour that the condition `which` holds of."""
    return db.sql(f"{_FOUND} where {which}")


def behaviour(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - a row
    """Return a row of `reinforced`, for the examples of a check."""
    return {
        "behaviour": 1,
        "kind": "words",
        "feature": "zephyr",
        "among": "wrong",
        "says": "say 'zephyr'",
        "effect": 2.1,
        "low": 2.0,
        "high": 2.2,
        "q": 1e-6,
        "prompts": 113,
        "share_first": 0.04,
        "share_last": 0.94,
        "change": 0.9,
        "change_low": 0.88,
        "change_high": 0.92,
        "seen": 10,
        "steps_after": 50,
        "gpu_hours": None,
        "named": True,
        "why": "",
        "hole": "judge pays 0.8 more for it (95 % interval 0.79 to 0.81)",
        "sft_rows": None,
        "sft_looked": None,
        **fields,
    }

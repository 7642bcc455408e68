"""What a check asks of one measure of a run."""

from dataclasses import dataclass
from typing import Any

from sft_audit.check import Relation, Tables

_FEWEST = 5  # steps from which a word can be said


@dataclass(frozen=True, slots=True)
class Alarmed:
    """One measure of the monitor, and whether it went beyond its level."""

    measure: str

    @property
    def of(self) -> str:
        """Return the SQL that counts the steps at which it was held against a level, 0 where they are few."""
        return f"""
            select if(count(*) >= {_FEWEST}, count(*), 0)
            from series
            where measure = '{self.measure}' and level is not null
        """

    def found(self, db: Tables) -> Relation:
        """Return the finding about the whole where the measure has an alarm; its score is the rate there."""
        return db.sql(
            """
            select
                null as sample_id,
                null::integer as turn,
                value as score,
                0.95 as confidence,
                says as message,
                json_object(
                    'key', measure, 'step', step, 'first', first, 'last', last, 'start', start, 'low', low,
                    'high', high, 'level', level, 'evidence', evidence, 'needed', needed
                ) as evidence
            from alarms
            where measure = $measure
            """,
            measure=self.measure,
        )


def alarm(measure: str, value: float, level: float | None, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - a row
    """Return a row of `alarms`, for the examples of a check."""
    says = f"step 12: {measure}: {value}"
    told = {"grade": "alarm", "step": 12, "first": 1, "last": 40, "evidence": 400.0, "needed": 200.0}
    return {"measure": measure, "value": value, "level": level, "says": says, **told, **fields}

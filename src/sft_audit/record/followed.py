"""What a check asks of one measure of a run's saved models."""

from dataclasses import dataclass
from typing import Any

from sft_audit.check import Relation, Tables, Value

_FEWEST = 20


@dataclass(frozen=True, slots=True)
class Followed:
    """One measure in the table `checkpoint_measures`, on at least 20 probes.

    `compared`: nothing can be said where it was not measured at the start.
    """

    measure: str
    compared: bool = False

    @property
    def put(self) -> str:
        """Return the SQL that counts the checkpoints that were asked, measurable or not."""
        return f"""
            select count(*)
            from checkpoint_measures
            where measure = '{self.measure}' and step is not null
        """

    @property
    def of(self) -> str:
        """Return the SQL that counts the checkpoints of which a word can be said."""
        known = "difference is not null" if self.compared else "value is not null"
        return f"{self.put} and n >= {_FEWEST} and {known}"

    def found(self, db: Tables, *, where: str, score: str, message: str, **values: Value) -> Relation:
        """Return one finding, of the first checkpoint that is as `where` says; all three are SQL."""
        return db.sql(
            f"""
            with shown as (
                select *
                from checkpoint_measures
                where measure = '{self.measure}' and step is not null and n >= {_FEWEST} and {where}
            ), counted as (
                select
                    count(*) as k,
                    (
                        select count(*)
                        from checkpoint_measures
                        where measure = '{self.measure}' and step is not null
                    ) as of_all
                from shown
            )
            select
                null as sample_id,
                null::integer as turn,
                {score} as score,
                0.95 as confidence,
                'step ' || step || ': ' || {message} || ' (' || n || ' probes; so at ' || k || ' of '
                    || of_all || ' checkpoints)' as message,
                json_object(
                    'key', measure, 'step', step, 'n', n, 'value', value, 'low', low, 'high', high,
                    'start', start, 'difference', difference
                ) as evidence
            from shown, counted
            order by step
            limit 1
            """,
            **values,
        )


def saved_model(measure: str, value: float, low: float, high: float, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - a row
    """Return a row of `checkpoint_measures`, for the examples of a check."""
    return {"measure": measure, "step": 60, "n": 120, "value": value, "low": low, "high": high, **fields}

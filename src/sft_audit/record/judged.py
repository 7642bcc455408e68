"""What a check asks of one measure in the table `changes`."""

from dataclasses import dataclass

from sft_audit.check import Relation, Tables, Value


@dataclass(frozen=True, slots=True)
class Judged:
    """One measure, and the fewest units on which a word can be said of it.

    `compared`: nothing can be said where the base model has no such measure.
    """

    measure: str
    fewest: int = 1
    compared: bool = False

    @property
    def put(self) -> str:
        """Return the SQL that counts the units that were measured, however few."""
        return f"select coalesce(sum(n), 0) from changes where measure = '{self.measure}'"

    @property
    def of(self) -> str:
        """Return the SQL that counts the units, 0 where they are too few."""
        return f"{self.put} and n >= {self.fewest}" + (" and base is not null" if self.compared else "")

    def found(self, db: Tables, *, where: str, score: str, message: str, **values: Value) -> Relation:
        """Return the finding about the whole where the measure is as `where` says; all three are SQL."""
        return db.sql(
            f"""
            select
                null as sample_id,
                null::integer as turn,
                {score} as score,
                0.95 as confidence,
                {message} as message,
                json_object('key', measure, 'n', n, 'base', base, 'sft', sft) as evidence
            from changes
            where measure = '{self.measure}' and n >= {self.fewest} and {where}
            """,
            **values,
        )

"""The page of an RL run: what it reinforces, when that could be seen, and how it went."""

from dataclasses import dataclass
from typing import Any

from sft_audit.audit import Outcome
from sft_audit.config import AuditConfig, RunConfig
from sft_audit.report.postmortem import Postmortem, read_postmortem, write_guilty_rows
from sft_audit.store import Store


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the audit says of the run; each part empty where it was not asked."""

    run: str
    steps: int
    completions: int
    alarms: tuple[dict[str, Any], ...]
    now: tuple[dict[str, Any], ...]
    postmortem: Postmortem | None


# Each measure over the last steps that have it, beside the first.
_NOW = """
    with ranked as (
        select
            *,
            row_number() over (partition by measure order by step) as early,
            row_number() over (partition by measure order by step desc) as late
        from series
    )
    select
        measure,
        avg(value) filter (early <= 5) as first,
        avg(value) filter (late <= 5) as last,
        count(*) as n,
        measure in (select measure from alarms) as alarmed
    from ranked
    group by measure
    order by alarmed desc, measure
"""


def read_run(config: AuditConfig, store: Store) -> Sheet:
    """Return the sheet."""
    if not isinstance(config, RunConfig):
        raise TypeError("the page of a run needs a RunConfig")
    return Sheet(
        run=str(config.run),
        steps=store.value("select count(distinct step) from series"),
        completions=store.value("select count(*) from episodes"),
        alarms=tuple(store.arrow("from alarms order by grade, step, measure").to_pylist()),
        now=tuple(store.arrow(_NOW).to_pylist()),
        postmortem=read_postmortem(config, store),
    )


def write_run(store: Store, sheet: Sheet, outcome: Outcome) -> None:
    """Write `report.html`."""
    from sft_audit.report.page import environment

    write_guilty_rows(store)
    html = environment().get_template("run.html.j2").render(sheet=sheet, outcome=outcome)
    (store.folder / "report.html").write_text(html, encoding="utf-8")

"""Record, check, judge."""

import logging
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from math import inf
from time import perf_counter

from sft_audit.check import OUTPUT_COLUMNS, Check, Relation, Tables, all_checks, find_check, select_checks
from sft_audit.config import AuditConfig
from sft_audit.engine import Engine
from sft_audit.errors import AuditError
from sft_audit.interval import Rate
from sft_audit.policy import Evidence, State, Verdict, judge, load_policy
from sft_audit.record import Recorder, Recording, plan
from sft_audit.store import Store

log = logging.getLogger(__name__)

# The findings about which a waiver speaks, given its `check` and `source`: about a sample of that source, or
# about the source itself.
COVERED = """
    select findings.*
    from findings
    left join samples using (sample_id)
    where starts_with("check", $check)
      and ($source is null or coalesce(source, json_extract_string(evidence, '$.source')) = $source)
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an audit came to: evidence, verdict, the traceback of whatever crashed, seconds a stage."""

    evidence: tuple[Evidence, ...]
    verdict: Verdict
    faults: Mapping[str, str]
    seconds: Mapping[str, float]


def run_audit(config: AuditConfig, store: Store, engine: Engine) -> Outcome:
    """Fill the store's tables, put every selected check to them, and judge what was found."""
    policy = load_policy(config.policy)
    chosen = select_checks(config.select, config.ignore_checks, config.subject)
    options = _options(config, chosen)
    stages = Stages()
    recorders = plan(["samples", *(table for one in chosen for table in one.reads)])
    unasked = _unasked(config, recorders)
    faults = _record(Recording(store, engine, config), recorders, unasked, stages)
    states: dict[str, State] = {}
    for one in chosen:
        if unasked.isdisjoint(one.reads):
            with stages.timed(f"checking {one.code} {one.name}"):
                states[one.code] = _ask(store, one, options.get(one.code, {}), faults)
    _settle(store, config)
    evidence = tuple(
        _evidence(store, one, states.get(one.code, "not asked"))
        for one in all_checks().values()
        if one.subject == config.subject
    )
    total, malformed = count_rows(store, config)
    readable = total - malformed
    return Outcome(evidence, judge(policy, evidence, readable), faults, stages.seconds)


def count_rows(store: Store, config: AuditConfig) -> tuple[int, int]:
    """Return how many rows the subject has, and how many of these could not be read.

    A run's are its logged completions; of one that logs none (preference optimisation) the steps.
    """
    if config.subject != "run" or not store.has("rollout_faults"):
        samples = "select count(*), count(*) filter (malformed) from samples"
        return next((total, malformed) for total, malformed in store.rows(samples))
    of_run = """
        select if(rollouts > 0, rollouts + unread, steps), if(rollouts > 0, unread, 0)
        from (select count(*) as rollouts from rollouts where condition = 'image'),
            (select count(distinct step) as steps from steps),
            (select count(*) as unread from rollout_faults where kind = 'unreadable' and condition = 'image')
    """
    return next((total, malformed) for total, malformed in store.rows(of_run))


class Stages:
    """What the audit is doing, told to the log, and how long each stage took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Announce a stage and keep its wall-clock seconds."""
        log.info(stage)
        started = perf_counter()
        yield
        self.seconds[stage] = round(perf_counter() - started, 2)


def _unasked(config: AuditConfig, recorders: Sequence[Recorder]) -> frozenset[str]:
    """Return the tables for which no option was given that they need: what reads them is not asked."""
    given = {option for option, value in config if value}
    tables: set[str] = set()
    for recorder in recorders:
        lacking = recorder.requires and given.isdisjoint(recorder.requires)
        if lacking or not tables.isdisjoint(recorder.needs):
            tables.update(recorder.fills)
    return frozenset(tables)


def _record(
    recording: Recording, recorders: Sequence[Recorder], unasked: frozenset[str], stages: Stages
) -> dict[str, str]:
    """Run the recorders, in order; return the traceback for every table that is not whole."""
    faults: dict[str, str] = {}
    for recorder in recorders:
        if not unasked.isdisjoint(recorder.fills):
            continue
        broken = [faults[table] for table in (*recorder.needs, *recorder.uses) if table in faults]
        if not broken:
            try:
                with stages.timed(f"recording {recorder.name}"):
                    recorder.run(recording)
            except AuditError:
                raise
            except Exception:  # noqa: BLE001 - one recorder's fault must not hide what the others saw
                broken = [traceback.format_exc()]
        if broken:
            faults.update(dict.fromkeys(recorder.fills, broken[0]))
    return faults


def _ask(store: Store, one: Check, options: Mapping[str, object], faults: dict[str, str]) -> State:
    """Put one check to the tables and keep its findings."""
    if any(table in faults for table in one.reads):
        return "incomplete"
    try:
        with store.transaction():
            keep(store, one, one.ask(Tables(), **{**one.options, **options}))
    except Exception:  # noqa: BLE001 - one check's fault must not hide what the others found
        faults[one.code] = traceback.format_exc()
        return "crashed"
    return "gathered"


def keep(store: Store, one: Check, answer: Relation) -> None:
    """Run the relation once and append its rows, each with an identity that outlives positions and counts."""
    store.execute(
        f"""
        insert into findings by name
        with asked as (
            select {", ".join(OUTPUT_COLUMNS)} from ({answer.sql})
        ), identified as (
            select
                asked.*,
                concat_ws(
                    '|',
                    $_code,
                    coalesce(row_hash, ''),
                    coalesce(occurrence, 0),
                    coalesce(turn, -1),
                    coalesce(json_extract_string(evidence, '$.key'), '')
                ) as base
            from asked
            left join samples using (sample_id)
        )
        select
            left(
                md5(base || '|' || row_number() over (partition by base order by message)), 16
            ) as finding_id,
            $_code as "check",
            $_severity as severity,
            $_subject as subject,
            sample_id,
            turn,
            score,
            confidence,
            message,
            evidence,
            $_remedy as remedy,
            'open' as status
        from identified
        """,
        {
            **answer.values,
            "_code": one.code,
            "_severity": one.severity,
            "_subject": one.subject,
            "_remedy": one.remedy,
        },
    )


def _settle(store: Store, config: AuditConfig) -> None:
    """Mark the findings that the team waived, and those that the baseline has already."""
    today = datetime.now(tz=UTC).date()
    for waiver in config.ignore:
        if waiver.until >= today:
            store.execute(
                f"""
                update findings set status = 'ignored'
                where finding_id in (select finding_id from ({COVERED}))
                """,
                {"check": waiver.check, "source": waiver.source},
            )
    if config.baseline is not None:
        store.execute(
            "create temp table baseline as select finding_id, score from read_parquet($path)",
            {"path": str(config.baseline / "findings.parquet")},
        )
        # A finding about the whole keeps its identity when it grows: then it is new all the same.
        store.execute(
            """
            update findings set status = 'known'
            from baseline
            where status = 'open'
              and findings.finding_id = baseline.finding_id
              and (sample_id is not null or findings.score <= baseline.score or findings.score is null)
            """
        )


def _evidence(store: Store, one: Check, state: State) -> Evidence:
    flagged, findings, score, high, foremost = store.rows(
        """
        select
            count(distinct sample_id),
            count(*),
            max(score),
            max(coalesce(try_cast(json_extract_string(evidence, '$.high') as double), score)),
            arg_max(message, (coalesce(score, 0), finding_id)) filter (sample_id is null)
        from findings
        where "check" = $code and status = 'open'
        """,
        {"code": one.code},
    )[0]
    n = store.value(one.of) if state == "gathered" else 0
    if state == "gathered" and not n and not findings:
        # It had nothing to look at, which is no reason to say that all is well.
        state = "incomplete" if one.put and store.value(one.put) else "not asked"
    return Evidence(
        check=one.code,
        name=one.name,
        axis=one.axis,
        state=state,
        preview=one.preview,
        rate=Rate(flagged, n, _population(store, n) if one.subject == "data" else inf),
        findings=findings,
        score=score,
        score_high=high,
        foremost=foremost,
    )


def _population(store: Store, n: int) -> int:
    """Return of how many samples the `n` that were looked at are a draw."""
    audited, rows = store.rows("select sum(audited), sum(rows) from files")[0]
    return max(round(n * rows / audited), n) if audited else n


def _options(config: AuditConfig, chosen: Sequence[Check]) -> dict[str, Mapping[str, object]]:
    """Return the user's options by code; an unknown check or option is an AuditError naming the nearest."""
    given = {find_check(code).code: (code, options) for code, options in config.checks.items()}
    for one in chosen:
        spelled, options = given.get(one.code, ("", {}))
        for key, value in options.items():
            if key not in one.options:
                near = get_close_matches(key, list(one.options), 1, 0)
                cure = f"did you mean {near[0]!r}?" if near else "it has none"
                raise AuditError(f"checks.{spelled}: {one.code} has no option {key!r}; {cure}")
            default = one.options[key]
            if default is not None and not _alike(default, value):
                raise AuditError(f"checks.{spelled}.{key}: expected a value like {default!r}, got {value!r}")
    return {code: options for code, (_, options) in given.items()}


def _alike(default: object, value: object) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, int | float):
        return isinstance(value, int | float)
    if isinstance(default, list | tuple):
        return isinstance(value, list | tuple) and all(isinstance(part, str) for part in value)
    return isinstance(value, type(default))

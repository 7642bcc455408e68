"""Completions sampled for the prompts of the data set, from the logs that were given."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sft_audit.config import AuditConfig, CheckpointConfig, PromptsConfig, RewardConfig, RunConfig
from sft_audit.errors import AuditError
from sft_audit.logs import is_logged, read_logged
from sft_audit.logs.container import log_chunks
from sft_audit.readers import RowFault
from sft_audit.readers.chunk import Chunk, Row
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.readers.inputs import Input, find_inputs
from sft_audit.record import Recording, table_recorder
from sft_audit.record.groups import number_groups
from sft_audit.record.log_spec import read_specs
from sft_audit.record.prompt_index import Asked, Prompt, PromptIndex
from sft_audit.record.unjudged import set_aside
from sft_audit.runs import find_run
from sft_audit.sample import content_hash
from sft_audit.store import Store
from sft_audit.tables import Column, Table

log = logging.getLogger(__name__)

_FIELDS = (
    ("file", "string"),
    ("line", "int64"),
    ("step", "int64"),
    ("condition", "string"),
    ("prompt", "string"),
    ("completion", "string"),
    ("gold", "string"),
    ("reward", "float64"),
    ("id", "string"),
    ("image", "string"),
    ("position", "int64"),
    ("key", "string"),
    ("group", "string"),
)
_OF_KEYS = ("id", "image", "position", "key", "group")
_SAID = {
    "unreadable": "not counted",
    "reward": "counted without a reward",
    "unknown": "no prompt",
    "ambiguous": "no prompt of its own",
    "unjudged": "in no group",
}
FAULTS = Table(
    "rollout_faults",
    "one thing in a log of completions that cannot be read or joined",
    (
        Column("file", "VARCHAR", "the log"),
        Column("line", "BIGINT", "1-based line or row of the log"),
        Column("condition", "VARCHAR", "as in rollouts"),
        Column(
            "kind",
            "VARCHAR",
            "unreadable: the line; reward: no number; unknown or ambiguous: the prompt; unjudged: of no step",
        ),
        Column("detail", "VARCHAR", "one clause that says what was seen"),
    ),
)
# What a log says of a prompt beside its text, and which sample that is; both tables are dropped again.
_KEYS = """
    create or replace table logged_keys (
        rollout BIGINT, id VARCHAR, image VARCHAR, position BIGINT, key VARCHAR, "group" VARCHAR
    )
"""
_LINKS = (
    "create or replace table logged_links (key VARCHAR, sample_id VARCHAR, turn INTEGER, problem VARCHAR)"
)
_LINKED = """
    update rollouts
    set sample_id = logged_links.sample_id, turn = logged_links.turn
    from logged_keys
    join logged_links using (key)
    where rollouts.rollout = logged_keys.rollout and logged_links.sample_id is not null
"""
_UNLINKED = """
    insert into rollout_faults
    select file, line, condition, problem, detail
    from rollouts
    join logged_keys using (rollout)
    join logged_links using (key)
    join (values
        ('unknown', 'no question of the data set stands in its prompt'),
        ('ambiguous', 'several prompts of the data set ask this and have this answer')
    ) as why(problem, detail) using (problem)
    order by rollout
"""
_PROMPTS = """
    with pictured as (
        select sample_id, list(uri order by slot) as images
        from image_uses
        group by sample_id
    ), asked as (
        select sample_id, turn, question, answer
        from answers
        union all
        select sample_id, null, arg_max(text, turn), null
        from turns
        where role = 'user' and sample_id not in (select sample_id from answers)
        group by sample_id
    )
    select sample_id, turn, id, question, coalesce(images, []) as images, answer, position
    from asked
    join samples using (sample_id)
    left join pictured using (sample_id)
    order by file, position, turn
"""


@table_recorder(
    fills=("rollouts", "reward_parts", FAULTS),
    needs=("samples", "turns", "image_uses", "answers"),
    after=("steps",),
    requires=("samples", "run"),
)
def rollouts(recording: Recording) -> None:
    """Read logs of sampled completions, and find the prompt of each in the data set.

    Raises AuditError where a reward function is to pay completions and the answer to none of them is known,
    and where no completion of a model under one condition is an answer to a probe.
    """
    store = recording.store
    store.execute(_KEYS)
    store.execute(_LINKS)
    for condition, paths in _logs(recording.config):
        for one in find_inputs(paths):
            _read_log(recording, one, condition)
    if recording.config.data:
        _link(recording)
        store.execute(_LINKED)
        store.execute(_UNLINKED)
    if isinstance(recording.config, RunConfig):
        _tell_steps(store, recording.config)
        set_aside(store)
    number_groups(store, _generations(recording.config))
    store.execute("drop table logged_keys")
    store.execute("drop table logged_links")
    _tell(recording)
    _refuse_strangers(recording)
    known = store.value("select count(*) from rollouts where sample_id is not null or gold is not null")
    if isinstance(recording.config, RewardConfig) and not known:
        raise AuditError(
            "no completion in the logs of --samples has a prompt of the data set or a known answer of its "
            "own; give a log of these prompts, or log the rows' ids"
        )


def _tell_steps(store: Store, config: RunConfig) -> None:
    """Warn of completions whose step is not known, and of a run that logged none.

    Raises AuditError where no completion has a step: a run is judged step by step.
    """
    n, without, first = store.rows(
        """
        select
            count(*),
            count(*) filter (step is null),
            arg_min(file || ':' || line, rollout) filter (step is null)
        from rollouts
        where condition = 'image'
        """
    )[0]
    if n and without == n:
        raise AuditError(f"{config.run}: no completion has a step; log one a row, as `step` or `global_step`")
    if without:
        log.warning("%s: it has no step (not judged: %s such in the logs)", first, f"{without:,}")
    if not n and find_run(config.run).metrics:
        log.warning(
            "%s: no completions are logged, so that exploits, answers and groups are not looked at; TRL and "
            "ms-swift: log_completions, verl: trainer.rollout_data_dir",
            config.run,
        )


def _logs(config: AuditConfig) -> Iterator[tuple[str, tuple[Path, ...]]]:
    match config:
        case PromptsConfig():
            yield "image", config.samples
            yield "none", config.blind_samples
        case RewardConfig():
            yield "image", config.samples
        case CheckpointConfig():
            yield from read_specs(config.samples).items()
        case RunConfig():
            found = find_run(config.run)
            if found.validations:
                log.warning(
                    "%s: completions sampled in evaluation are not judged (%s such in the run's folder)",
                    found.validations[0],
                    f"{len(found.validations):,}",
                )
            yield "image", found.rollouts
            yield "sft", config.sft_samples


def _generations(config: AuditConfig) -> int | None:
    match config:
        case RunConfig() | PromptsConfig():
            return config.generations
    return None


def _refuse_strangers(recording: Recording) -> None:
    """Raise AuditError where the logs of a model under one condition answer none of the probes."""
    if not isinstance(recording.config, CheckpointConfig):
        return
    strangers = recording.store.rows(
        """
        select condition, any_value(file)
        from rollouts
        group by condition
        having count(sample_id) = 0
        order by condition
        """
    )
    for condition, file in strangers:
        raise AuditError(
            f"{file}: none of the completions given for {condition!r} answers a probe of --probes; "
            "give a log of these probes, or log their ids"
        )


def _read_log(recording: Recording, one: Input, condition: str) -> None:
    """Read one log; raise AuditError where no line of it is a completion."""
    store = recording.store
    rows, first = 0, store.value("select count(*) from rollouts")
    number = first
    with FileBytes(one.path) as source, store.transaction():
        chunks = log_chunks(source, one.file, is_logged)
        for n_rows, found, faults in recording.engine.map(_read_chunk, ((one, condition) for one in chunks)):
            numbered = _numbered(found, number)
            store.insert("rollouts", numbered.drop_columns([*_OF_KEYS, "parts"]))
            store.insert("logged_keys", numbered.select(["rollout", *_OF_KEYS]))
            store.insert("reward_parts", _parts(numbered))
            store.insert(FAULTS.name, faults)
            rows, number = rows + n_rows, number + found.num_rows
    if number == first:
        raise AuditError(
            f"{one.path}: none of its {rows:,} rows is a completion of a prompt; give a log of TRL, verl, "
            "ms-swift, lmms-eval, VLMEvalKit or inspect_ai, or rows with prompt and completion"
        )


def _read_chunk(task: tuple[Chunk, str]) -> tuple[int, Any, Any]:
    """Return the number of rows in a chunk, its completions, and what is wrong with them."""
    import pyarrow as pa

    chunk, condition = task
    found, faults = list[dict[str, Any]](), list[tuple[Any, ...]]()
    rows = 0
    for row in chunk.rows():
        rows += 1
        line = row.place.position
        where = (chunk.file, line, condition)
        if not isinstance(row, Row):
            faults.append((*where, "unreadable", row.reason))
            continue
        try:
            logged = read_logged(row.content)
        except RowFault as fault:
            faults.append((*where, "unreadable", str(fault)))
            continue
        faults.extend((*where, "reward", one.problem) for one in logged if one.problem is not None)
        for one in logged:
            told = (one.prompt, one.gold, one.id, one.image, one.position)
            known = content_hash("\0".join(map(str, told)).encode())
            found.append(
                {
                    "file": chunk.file,
                    "line": line,
                    "step": one.step,
                    "condition": condition,
                    "prompt": one.prompt,
                    "completion": one.completion,
                    "gold": one.gold,
                    "reward": one.reward,
                    "id": one.id,
                    "image": one.image,
                    "position": one.position,
                    "key": known,
                    "group": one.group,
                    "parts": [{"name": name, "value": value} for name, value in one.parts],
                }
            )
    columns = zip(*faults, strict=True) if faults else ([] for _ in FAULTS.columns)
    arrays = [
        pa.array(column, field.type) for column, field in zip(columns, FAULTS.arrow_schema(), strict=True)
    ]
    return (
        rows,
        pa.RecordBatch.from_pylist(found, schema=_schema()),
        pa.RecordBatch.from_arrays(arrays, schema=FAULTS.arrow_schema()),
    )


def _schema() -> Any:  # noqa: ANN401 - pyarrow has no types
    import pyarrow as pa

    part = pa.struct([("name", pa.string()), ("value", pa.float64())])
    return pa.schema([*_FIELDS, ("parts", pa.list_(part))])


def _parts(batch: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return a row a completion and reward function."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = batch["parts"]
    flat = pc.list_flatten(parts)
    return pa.table(
        {
            "rollout": batch["rollout"].take(pc.list_parent_indices(parts)),
            "name": pc.struct_field(flat, "name"),
            "value": pc.struct_field(flat, "value"),
        }
    )


def _numbered(batch: Any, first: int) -> Any:  # noqa: ANN401 - pyarrow has no types
    import pyarrow as pa

    return batch.append_column("rollout", pa.array(range(first, first + batch.num_rows), pa.int64()))


def _link(recording: Recording) -> None:
    """Find the prompt of every distinct one that was logged."""
    import pyarrow as pa

    store = recording.store
    index = PromptIndex()
    for batch in store.batches(_PROMPTS, 8192):
        index.add(Prompt(**{**row, "images": tuple(row["images"])}) for row in batch.to_pylist())
    distinct = """
        select key, any_value(prompt), any_value(gold), any_value(id), any_value(image), any_value(position)
        from rollouts
        join logged_keys using (rollout)
        group by key
        order by min(rollout)
    """
    schema = pa.schema([("key", "string"), ("sample_id", "string"), ("turn", "int32"), ("problem", "string")])
    for batch in store.batches(distinct, 8192):
        linked = []
        for row in batch.to_pylist():
            key, *asked = row.values()
            prompt, problem = index.find(Asked(*asked))
            linked.append(
                {
                    "key": key,
                    "sample_id": prompt and prompt.sample_id,
                    "turn": prompt and prompt.turn,
                    "problem": problem or None,
                }
            )
        store.insert("logged_links", pa.RecordBatch.from_pylist(linked, schema=schema))


def _tell(recording: Recording) -> None:
    """Warn of what could not be read or joined: how many lines of which log, and the first of them."""
    told = recording.store.rows(
        """
        select condition, kind, count(*), arg_min(struct_pack(file, line, detail), (file, line))
        from rollout_faults
        group by condition, kind, if(kind = 'unjudged', detail, '')
        order by all
        """
    )
    for _, kind, n, first in told:
        log.warning(
            "%s:%d: %s (%s: %s such in the logs)",
            first["file"],
            first["line"],
            first["detail"],
            _SAID[kind],
            f"{n:,}",
        )

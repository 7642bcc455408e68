"""How often each behaviour is shown: in the SFT data, by the SFT model, at every step of RL."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from sft_audit.config import RunConfig
from sft_audit.interval import Clustered, ratio_of_shares
from sft_audit.monitor.episode import read_episode
from sft_audit.record import Batch, Recording, table_recorder
from sft_audit.record.episodes import SFT_EPISODES
from sft_audit.record.question import bare
from sft_audit.record.tails import read_tails
from sft_audit.rewards.signatures import SIGNED
from sft_audit.store import Store
from sft_audit.tables import TABLES

LAST = 10  # steps at the end over which a share is taken
_LONG = 0.95  # of the completions before RL are shorter than a long one
_TOLD = "stage VARCHAR, step BIGINT, cluster BIGINT, exploits VARCHAR, words INTEGER, answer VARCHAR"
_SUPERVISED = """
    with asked as (
        select
            sample_id,
            turn,
            role,
            supervised,
            text,
            last_value(case when role = 'user' then text end ignore nulls) over (
                partition by sample_id order by turn
            ) as question
        from turns
    )
    select text, question
    from asked
    where role = 'assistant' and supervised
"""
_EPISODES = """
    insert into told
    select '{stage}', {step}, group_no, exploits, words, answer, {formed}
    from {table}
"""
_FORMED = "completion like '%</answer>%' or completion like '%\\boxed{%'"
# A row a group and step; the columns after n are the behaviours.
_COUNTED = """
    create or replace temp table shown as
    with named as (
        select *, string_split(exploits, ' ') as families
        from told
    )
    select stage, step, cluster, count(*) as n, {counts}
    from named
    group by stage, step, cluster
"""
_BEHAVIOURS = """
    insert into behaviours
    with one_each as (
        unpivot shown on columns(* exclude (stage, step, cluster, n)) into name behaviour value k
    )
    select behaviour, stage, step, sum(k)::bigint, sum(n)::bigint
    from one_each
    group by behaviour, stage, step
    order by behaviour, stage, step
"""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One behaviour: what it is in words, and the SQL that tells it of a completion.

    The SQL may name $words, above which a completion is long, and $common, the commonest answer. What is
    `chosen` by the last steps is shown often there by choice, so that no interval of its ratio would hold.
    """

    name: str
    about: str
    shown: str
    exploit: bool = False
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class _Ends:
    """The steps that are compared: the first, or None where the SFT model was sampled, and the last ones."""

    begun: int | None
    first: int
    last: int


@table_recorder(
    fills=("behaviours", "amplifications"), needs=("episodes",), uses=(SFT_EPISODES.name,), requires="run"
)
def behaviours(recording: Recording) -> None:
    """Count every behaviour at every stage, and say how much more often it is shown after RL than before."""
    store, config = recording.store, recording.config
    if not isinstance(config, RunConfig):
        raise TypeError("behaviours are those of a run, under a RunConfig")
    steps = [step for (step,) in store.rows("select distinct step from episodes order by step")]
    if not steps:
        return
    store.execute(f"create or replace temp table told ({_TOLD}, formed BOOLEAN)")
    store.execute(_EPISODES.format(stage="rl", step="step", table="episodes", formed=_FORMED))
    sampled = store.has(SFT_EPISODES.name) and store.value("select count(*) from sft_episodes")
    if sampled:
        store.execute(_EPISODES.format(stage="sft model", step="null", table="sft_episodes", formed=_FORMED))
    if config.sft_audit:
        _read_data(recording, config)
    later = steps if sampled else steps[1:]
    ends = _Ends(None if sampled else steps[0], (later or steps)[-LAST:][0], steps[-1])
    limits = {"words": _longest(store, ends), "common": _commonest(store, ends)}
    known = tuple(_known(limits))
    counts = ", ".join(f"count(*) filter ({one.shown}) as {one.name}" for one in known)
    store.execute(_COUNTED.format(counts=counts), limits)
    store.execute(_BEHAVIOURS)
    if later:
        _amplify(store, known, ends)
    store.execute("drop table told")
    store.execute("drop table shown")


def _known(limits: Mapping[str, Any]) -> Iterator[Behaviour]:
    """Yield the families of exploits that are known by sight, and a few plain behaviours."""
    for family in SIGNED:
        yield Behaviour(family, f"the exploit {family}", f"list_contains(families, '{family}')", exploit=True)
    common = str(limits["common"])[:60]
    yield Behaviour(
        "commonest",
        f"answers “{common}”, the commonest answer of the last steps",
        "answer = $common",
        chosen=True,
    )
    yield Behaviour("says_yes", "answers yes", "answer = 'yes'")
    yield Behaviour("unclear", "gives no answer that can be told", "answer = ''")
    yield Behaviour("formed", "marks its answer with a box or a tag", "formed")
    yield Behaviour(
        "long",
        f"has more than {limits['words']} words, as at most one in twenty had before RL",
        "words > $words",
    )


def _longest(store: Store, ends: _Ends) -> int:
    """Return the words that 95 % of the completions before RL do not exceed."""
    before = "stage = 'sft model'" if ends.begun is None else "stage = 'rl' and step = $begun"
    values = {} if ends.begun is None else {"begun": ends.begun}
    return int(store.value(f"select quantile_disc(words, {_LONG}) from told where {before}", values))


def _commonest(store: Store, ends: _Ends) -> str:
    """Return the commonest answer of the last steps, empty where none is told."""
    found = store.rows(
        """
        select answer
        from told
        where stage = 'rl' and step >= $first and answer <> ''
        group by answer
        order by count(*) desc, answer
        limit 1
        """,
        {"first": ends.first},
    )
    return str(found[0][0]) if found else ""


def _read_data(recording: Recording, config: RunConfig) -> None:
    """Read the supervised answers of the audit of the SFT data."""
    assert config.sft_audit is not None  # noqa: S101 - the caller asked
    tails = read_tails(config.sft_audit)
    data = Store(config.sft_audit, config.memory_limit, 1, read_only=True)
    try:
        tasks = ((batch, tails) for batch in data.batches(_SUPERVISED, 8192))
        for told in recording.engine.map(_answers, tasks):
            recording.store.insert("told", told)
    finally:
        data.close()


def _answers(task: tuple[Batch, tuple[str, ...]]) -> Batch:
    """Read a batch of supervised answers; each stands for itself, in no group."""
    import pyarrow as pa

    batch, tails = task
    rows = []
    for row in batch.to_pylist():
        text = row["text"] or ""
        told = read_episode(text, bare(row["question"] or "").strip(), None, tails)
        formed = "</answer>" in text or "\\boxed{" in text
        rows.append(("sft data", " ".join(told.exploits), told.words, told.answer, formed))
    names = ("stage", "exploits", "words", "answer", "formed")
    types = (pa.string(), pa.string(), pa.int32(), pa.string(), pa.bool_())
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return pa.table(
        {name: pa.array(column, kind) for name, column, kind in zip(names, columns, types, strict=True)}
    )


def _amplify(store: Store, known: Sequence[Behaviour], ends: _Ends) -> None:
    """Fill `amplifications`: a row a behaviour, the last steps against the time before RL."""
    import pyarrow as pa

    rows = [_amplified(store, one, ends) for one in known]
    schema = TABLES["amplifications"].arrow_schema()
    store.insert("amplifications", pa.Table.from_pylist(rows, schema=schema))


def _amplified(store: Store, one: Behaviour, ends: _Ends) -> Mapping[str, Any]:
    begun = "stage = 'sft model'" if ends.begun is None else f"stage = 'rl' and step = {ends.begun}"
    before = _clustered(store, one, begun)
    after = _clustered(store, one, f"stage = 'rl' and step >= {ends.first}")
    of_data = f"select sum({one.name})::bigint, sum(n)::bigint from shown where stage = 'sft data'"
    data = store.rows(of_data)[0]
    then, now = before.spread, after.spread
    low, high = (None, None) if one.chosen else ratio_of_shares(now, then)
    row = {
        "behaviour": one.name,
        "exploit": one.exploit,
        "about": one.about,
        "data_k": data[0],
        "data_n": data[1],
        "before": "sft model" if ends.begun is None else "first step",
        "before_k": before.k,
        "before_n": before.n,
        **dict(zip(("before_share", "before_low", "before_high"), then, strict=True)),
        "first": ends.first,
        "last": ends.last,
        "k": after.k,
        "n": after.n,
        **dict(zip(("share", "low", "high"), now, strict=True)),
        "ratio": now[0] / then[0] if then[0] else None,
        "ratio_low": low,
        "ratio_high": high if high is not None and isfinite(high) else None,
    }
    return {**row, "says": _sentence(row)}


def _clustered(store: Store, one: Behaviour, where: str) -> Clustered:
    k = one.name
    sums = f"sum({k}), sum(n), sum({k} * {k}), sum({k} * n), sum(n * n)"
    return Clustered(*store.rows(f"select count(*), {sums} from shown where {where}")[0])


def _sentence(row: Mapping[str, Any]) -> str:
    """Return the way of a behaviour from the data to the last steps, and the ratio, in one sentence."""
    stages = []
    if row["data_n"]:
        stages.append(f"{_points(row['data_k'] / row['data_n'])} of the SFT answers")
    whose = "the SFT model's samples" if row["before"] == "sft model" else "the first step's completions"
    stages.append(f"{_points(row['before_share'])} of {whose}")
    stages.append(f"{_points(row['share'])} of the completions of steps {row['first']} to {row['last']}")
    if row["ratio"] is None:
        told = row["ratio_low"] is not None and row["ratio_low"] > 1
        times = f"at least {_times(row['ratio_low'])} times" if told else "no ratio can be told"
    elif row["ratio_low"] is None:
        times = f"{_times(row['ratio'])} times (chosen by the last steps: no interval)"
    else:
        high = "any number" if row["ratio_high"] is None else _times(row["ratio_high"])
        times = f"{_times(row['ratio'])} times ({_times(row['ratio_low'])} to {high})"
    return f"{row['behaviour']}: {', '.join(stages)}: {times}"


def _points(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.0f} %"


def _times(ratio: float) -> str:
    return f"{ratio:.3g}" if ratio < 1000 else f"{ratio:,.0f}"

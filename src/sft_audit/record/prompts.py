"""The prompts of an RL set by what was sampled for them: how often they are right, and what that teaches."""

from collections.abc import Mapping
from dataclasses import dataclass

from sft_audit.config import PromptsConfig
from sft_audit.errors import AuditError
from sft_audit.record import Batch, Recording, store_all, table_recorder
from sft_audit.record.pass_rates import Cell, PassRates
from sft_audit.tables import table

_COMMON = 5  # prompts from which a template or an answer is a cell that the subset must not lose
_MOST = 0.95  # share of rewards within 0 and 1 from which those outside are outliers

PROMPTS = table(
    "prompts",
    "one RL prompt, by what was sampled for it",
    """
    sample_id VARCHAR the sample
    turn INTEGER the turn of its known answer; null where it has none
    n INTEGER completions with the image that could be told right or wrong
    right INTEGER how many of them are right
    unverified INTEGER completions, under either condition, that could not be told
    blind_n INTEGER completions without the image that could be told right or wrong
    blind_right INTEGER how many of them are right
    signal DOUBLE probability that a group of completions has an advantage; null: no sample
    kept BOOLEAN whether it is in the recommended subset
    why VARCHAR signal, coverage, not sampled, or no signal: why it is or is not
    """,
)
SIGNAL = table(
    "signal",
    "what the sampled completions say of the whole set",
    """
    prompts BIGINT prompts with a completion that could be told right or wrong
    completions BIGINT those completions
    fewest INTEGER fewest of them for a prompt
    generations INTEGER completions in a group of the run
    threshold DOUBLE reward above which a completion is right; null: no reward was logged
    threshold_from VARCHAR declared, or what it was found from
    no_signal DOUBLE expected share of groups that are all right or all wrong
    low DOUBLE lower end of its 95 % interval
    high DOUBLE upper end of its 95 % interval
    method VARCHAR how it was estimated
    never BIGINT prompts of which no completion was right
    always BIGINT prompts of which every completion was right
    least DOUBLE probability of an advantage from which a prompt is in the subset
    kept BIGINT prompts with a sample in the recommended subset
    saving DOUBLE by how much the subset lowers no_signal
    saving_low DOUBLE lower end of its 95 % interval
    saving_high DOUBLE upper end of its 95 % interval
    """,
)
_UNPAID = """
    select rollout, completion, question, answer
    from rollouts
    join answers using (sample_id, turn)
    where reward is null
"""
_COUNTED = """
    insert into prompts by name
    with told as (
        select sample_id, condition, coalesce(reward > $threshold, is_right) as is_right
        from rollouts
        left join readings using (rollout)
    ), counted as (
        select
            sample_id,
            (count(is_right) filter (condition = 'image'))::integer as n,
            (count(*) filter (condition = 'image' and is_right))::integer as "right",
            (count(*) filter (is_right is null))::integer as unverified,
            (count(is_right) filter (condition = 'none'))::integer as blind_n,
            (count(*) filter (condition = 'none' and is_right))::integer as blind_right
        from told
        group by sample_id
    ), known as (
        select sample_id, max(turn) as turn
        from answers
        group by sample_id
    )
    select
        sample_id,
        turn,
        coalesce(n, 0) as n,
        coalesce("right", 0) as "right",
        coalesce(unverified, 0) as unverified,
        coalesce(blind_n, 0) as blind_n,
        coalesce(blind_right, 0) as blind_right,
        null::double as signal,
        true as kept,
        'not sampled' as why
    from samples
    left join known using (sample_id)
    left join counted using (sample_id)
    where not malformed
    order by file, position
"""
# The best prompt of every answer and template that the whole set has several times and the subset would lose.
_LOST = f"""
    with cells as (
        select sample_id, concat_ws('|', 'answer', answer_kind, canonical) as cell
        from answers
        where canonical is not null
        union all
        select sample_id, concat_ws('|', 'template', template)
        from answers
    )
    select arg_max(sample_id, (signal, sample_id)) as sample_id
    from cells
    join prompts using (sample_id)
    group by cell
    having count(*) >= {_COMMON} and not bool_or(kept)
"""


@dataclass(frozen=True, slots=True)
class Threshold:
    """The reward above which a completion is right, and where it comes from."""

    value: float | None
    origin: str


@table_recorder(
    fills=(PROMPTS, SIGNAL), needs=("files", "samples", "answers", "rollouts"), requires="samples"
)
def prompts(recording: Recording) -> None:
    """Tell right completions from wrong ones, and say which prompts give a run something to learn from."""
    config, store = recording.config, recording.store
    if not isinstance(config, PromptsConfig):
        raise TypeError("prompts are judged under a PromptsConfig")
    threshold = _threshold(recording, config.threshold)
    store.execute("create or replace table readings (rollout BIGINT, is_right BOOLEAN)")
    store_all(recording, recording.engine.map(_readings, store.batches(_UNPAID, 4096)))
    store.execute(_COUNTED, {"threshold": threshold.value})
    store.execute("drop table readings")
    cells = store.rows("""select n, "right", count(*) from prompts where n > 0 group by all order by all""")
    if not cells:
        raise AuditError(
            "no completion in the logs of --samples has both a prompt of the data set and a reward or a "
            "readable answer (yes or no, option, count, number or colour); log rewards, or the rows' ids"
        )
    rates = PassRates({(n, right): prompts for n, right, prompts in cells}, config.generations)
    _choose(recording, rates, config.min_signal)
    _summarise(recording, rates, config, threshold)


def _threshold(recording: Recording, declared: float | None) -> Threshold:
    """Return the threshold; raise AuditError where the rewards do not fall into two parts.

    The 5 % and 95 % quantiles stand for the ends of the rewards: a single outlier does not move them.
    """
    n, unit, low, high = recording.store.rows(
        """
        select
            count(reward),
            count(*) filter (reward between 0 and 1),
            quantile_disc(reward, 0.05),
            quantile_disc(reward, 0.95)
        from rollouts
        """
    )[0]
    if not n:
        return Threshold(
            None, "no reward was logged: a completion is right when it reads as the known answer"
        )
    if declared is not None:
        return Threshold(declared, "declared")
    if low == high and low not in (0, 1):
        raise AuditError(
            f"at least nine in ten logged rewards are {low:g}, which tells no right completion from a wrong "
            "one; give --threshold, the reward above which a completion is right"
        )
    if unit == n:
        return Threshold(0.5, "midway between 0 and 1")
    if unit >= _MOST * n or low == high:
        return Threshold(0.5, f"midway between 0 and 1, where {unit:,} of {n:,} rewards lie")
    return Threshold(
        (low + high) / 2,
        f"midway between {low:g} and {high:g}, the 5 % and the 95 % quantile of the rewards",
    )


def _readings(batch: Batch) -> Mapping[str, Batch]:
    """Return whether completions without a reward are right, as far as they can be told.

    Of an answer of an open kind nothing is told: what reads as it would be right, and nothing ever wrong.
    """
    import pyarrow as pa

    from sft_audit.rewards.reading import read_completion
    from sft_audit.rewards.trial import CLOSED, known_answer

    numbers, told = list[int](), list[bool]()
    for row in batch.to_pylist():
        known = known_answer(row["question"], row["answer"])
        reading = read_completion(known, row["completion"])
        if known.kind in CLOSED and reading != "unread":
            numbers.append(row["rollout"])
            told.append(reading == "right")
    return {"readings": pa.RecordBatch.from_pydict({"rollout": numbers, "is_right": told})}


def _choose(recording: Recording, rates: PassRates, least: float) -> None:
    """Write every prompt's signal, and choose the subset: what has enough, and what it must not lose."""
    store = recording.store
    store.execute('create or replace table cells (n INTEGER, "right" INTEGER, signal DOUBLE)')
    for n, right in rates.prompts:
        store.execute("insert into cells values (?, ?, ?)", (n, right, rates.signal((n, right))))
    store.execute(
        """
        update prompts
        set signal = cells.signal,
            kept = cells.signal >= $least,
            why = if(cells.signal >= $least, 'signal', 'no signal')
        from cells
        where prompts.n = cells.n and prompts."right" = cells."right"
        """,
        {"least": least},
    )
    store.execute("drop table cells")
    store.execute(f"update prompts set kept = true, why = 'coverage' where sample_id in ({_LOST})")


def _summarise(recording: Recording, rates: PassRates, config: PromptsConfig, threshold: Threshold) -> None:
    store = recording.store
    kept, added = store.rows(
        "select count(*) filter (kept and n > 0), count(*) filter (why = 'coverage') from prompts"
    )[0]
    never, always, n, fewest = store.rows(
        """
        select count(*) filter ("right" = 0), count(*) filter ("right" = n), sum(n)::bigint, min(n)
        from prompts
        where n > 0
        """
    )[0]
    share = rates.zero_share(config.seed)

    def has_signal(cell: Cell) -> bool:
        return rates.signal(cell) >= config.min_signal

    saving = rates.saving(has_signal, added / kept if kept else 0.0)
    row = (
        *(rates.total, n, fewest, config.generations, threshold.value, threshold.origin),
        *(share.value, share.low, share.high, share.method, never, always, config.min_signal, kept),
        *(saving.value, saving.low, saving.high),
    )
    store.execute(f"insert into signal values ({', '.join('?' * len(row))})", row)

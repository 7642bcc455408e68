"""What the model samples before RL: how it writes right answers, which exploits it shows, and their pay."""

from dataclasses import replace
from functools import lru_cache

from sft_audit.config import RewardConfig
from sft_audit.record import Batch, Recording, table_recorder
from sft_audit.record.tails import read_tails
from sft_audit.record.trials import PICTURED, reward_process, rollout_of
from sft_audit.rewards.reading import read_completion
from sft_audit.rewards.signatures import SIGNED, exploits_in
from sft_audit.rewards.trial import known_answer
from sft_audit.tables import TABLES

_BATCH, _CHUNK = 32, 8192
PLAINLY_WRONG = "plainly_wrong"
_known = lru_cache(maxsize=4096)(known_answer)
# What is read of a completion: the question and the known answer are the data set's, where it was joined.
_ROLLOUTS = """
    select
        rollout,
        coalesce(question, prompt) as question,
        coalesce(answer, gold) as answer,
        completion
    from rollouts
    left join answers using (sample_id, turn)
    where condition = 'image'
    order by rollout
"""
_PAID = "update sampled set reward = ?, paid = ? where rollout = ?"
_DRAWN = f"""
    with {PICTURED}, drawn as (
        select *
        from rollouts
        where condition = 'image' and (sample_id is not null or gold is not null)
        order by md5(concat_ws('|', prompt, completion, rollout)), rollout
        limit $most
    )
    select rollout, completion, coalesce(question, prompt), coalesce(answer, gold), images, extra, files.path
    from drawn
    left join answers using (sample_id, turn)
    left join samples using (sample_id)
    left join files on files.file = samples.file
    left join pictured using (sample_id)
    order by rollout
"""
# An exploit is a family of wrong completions that can be told by sight; its acceptance is that of its
# trials. What is sampled and plainly wrong is one more, accepted as often as it was paid.
_PAYOFFS = """
    with honest as (
        select count(*) as n, count(*) filter (paid) as k
        from sampled
        where exploits = '' and paid is not null
    ), acceptance as (
        select
            family,
            count(*) as n,
            count(*) filter (paid) as k,
            arg_min(completion, trial) filter (paid) as example
        from trials
        where expected = 'wrong'
            and condition = 'own'
            and paid is not null
            and list_contains($families::varchar[], family)
        group by family
        union all
        select 'plainly_wrong', count(*), count(*) filter (paid), min(completion) filter (paid)
        from sampled
        where reading = 'wrong' and exploits = '' and paid is not null
    ), prior as (
        select
            family,
            (
                select count(*)
                from sampled
                where list_contains(string_split(exploits, ' '), family)
                    or family = 'plainly_wrong' and reading = 'wrong' and exploits = ''
            ) as seen,
            (select count(*) from sampled) as looked
        from acceptance
    )
    insert into payoffs by name
    select
        family,
        acceptance.n as asked,
        acceptance.k as paid,
        wilson_low(acceptance.k, acceptance.n) as acceptance_low,
        wilson_high(acceptance.k, acceptance.n) as acceptance_high,
        example,
        looked,
        seen,
        wilson_low(seen, looked) as prior_low,
        wilson_high(seen, looked) as prior_high,
        honest.n as honest,
        honest.k as honest_paid,
        $planned as planned
    from acceptance
    join prior using (family), honest
    where acceptance.n > 0
    order by family
"""


@table_recorder(
    fills=("sampled", "payoffs"),
    needs=("rollouts", "rewards", "trials", "answers", "files", "samples", "image_uses"),
    cost="model",
    requires="samples",
)
def sampled(recording: Recording) -> None:
    """Read sampled completions, ask what a draw of them is paid, and weigh every exploit against honesty."""
    config = recording.config
    if not isinstance(config, RewardConfig):
        raise TypeError("sampled completions are paid by a reward function: they need a RewardConfig")
    tails = read_tails(config.sft_audit)
    for batch in recording.store.batches(_ROLLOUTS, _CHUNK):
        recording.store.insert("sampled", _read(batch, tails))
    _pay(recording, config)
    recording.store.execute(_PAYOFFS, {"families": list(SIGNED), "planned": config.planned_rollouts})


def _read(batch: Batch, tails: tuple[str, ...]) -> Batch:
    """Return what each completion of a batch says and shows; nobody has paid it yet."""
    import pyarrow as pa

    rows = [
        {
            "rollout": rollout,
            "completion": completion,
            "reading": "unread" if answer is None else read_completion(_known(question, answer), completion),
            "exploits": " ".join(exploits_in(completion, question, tails)),
        }
        for rollout, question, answer, completion in zip(
            *(column.to_pylist() for column in batch.columns), strict=True
        )
    ]
    return pa.Table.from_pylist(rows, schema=TABLES["sampled"].arrow_schema())


def _pay(recording: Recording, config: RewardConfig) -> None:
    """Ask the function about a draw of the completions, always the same one."""
    rows = recording.store.rows(_DRAWN, {"most": config.scored})
    threshold = recording.store.value("select threshold from rewards")
    with reward_process(recording, config) as judge:
        for at in range(0, len(rows), _BATCH):
            some = rows[at : at + _BATCH]
            asked = [
                replace(rollout_of(recording, row), completion=completion) for _, completion, *row in some
            ]
            for (rollout, *_), one in zip(some, judge.score(asked), strict=True):
                if one.reward is not None:
                    recording.store.execute(_PAID, (one.reward, one.reward > threshold, rollout))

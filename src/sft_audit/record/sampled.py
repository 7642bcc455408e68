"""What the model samples before RL: how it writes right answers, which exploits it shows, and their pay."""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from functools import lru_cache
from statistics import NormalDist
from typing import Any

from sft_audit.config import RewardConfig
from sft_audit.interval import wilson
from sft_audit.record import Batch, Recording, table_recorder
from sft_audit.record.asked import PICTURED, rollout_of
from sft_audit.record.dressed import Gain, dressing_gains
from sft_audit.record.tails import read_tails
from sft_audit.record.trials import reward_process
from sft_audit.rewards import Rollout
from sft_audit.rewards.process import RewardProcess
from sft_audit.rewards.reading import Reading
from sft_audit.rewards.signatures import NEVER_RIGHT, SIGNED, exploits_in, read_before_claims
from sft_audit.rewards.trial import known_answer
from sft_audit.tables import TABLES

_CHUNK = 8192
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
_PAID = """
    update sampled
    set reward = asked.reward, paid = asked.reward > $threshold
    from (select unnest($rollouts::bigint[]) as rollout, unnest($rewards::double[]) as reward) as asked
    where sampled.rollout = asked.rollout
"""
_DRAWN = f"""
    with {PICTURED}, shuffled as (
        select
            rollouts.*,
            exploits = '' as honest,
            row_number() over (
                partition by exploits = ''
                order by md5(concat_ws('|', prompt, rollouts.completion, rollout))
            ) as place
        from rollouts
        join sampled using (rollout)
        where condition = 'image' and (sample_id is not null or gold is not null)
    ), drawn as (
        select *
        from shuffled
        order by honest or place > $most / 2, place, rollout
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
_ACCEPTED = """
    select family, variant, count(*), count(*) filter (paid), arg_min(completion, trial) filter (paid)
    from trials
    where expected = 'wrong'
        and condition = 'own'
        and paid is not null
        and list_contains($families::varchar[], family)
    group by family, variant
    order by family, variant
"""
_SEEN = """
    select
        count(*),
        count(*) filter (shows),
        count(*) filter (shows and wrong and paid is not null),
        count(*) filter (shows and wrong and paid)
    from (
        select
            *,
            list_contains(string_split(exploits, ' '), $family) as shows,
            reading = 'wrong' or (reading = 'unread' and $never_right) as wrong
        from sampled
    )
"""
_NOT_TRIED = dict.fromkeys(one.name for one in fields(Gain))
_HONEST = "select count(paid), count(*) filter (paid) from sampled where exploits = ''"


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
    with reward_process(recording, config) as judge:
        asked = _pay(recording, config, judge)
        gains = dressing_gains(recording, asked, judge, tails)
    _weigh(recording, config.planned_rollouts, gains)


def _read(batch: Batch, tails: tuple[str, ...]) -> Batch:
    """Return what each completion of a batch says and shows; nobody has paid it yet."""
    import pyarrow as pa

    rows = []
    for rollout, question, answer, completion in zip(
        *(column.to_pylist() for column in batch.columns), strict=True
    ):
        exploits = exploits_in(completion, question, tails)
        reading: Reading = "unread"
        if answer is not None:
            reading = read_before_claims(_known(question, answer), completion, exploits, tails)
        rows.append(
            {
                "rollout": rollout,
                "completion": completion,
                "reading": reading,
                "exploits": " ".join(exploits),
            }
        )
    return pa.Table.from_pylist(rows, schema=TABLES["sampled"].arrow_schema())


def _pay(recording: Recording, config: RewardConfig, judge: RewardProcess) -> dict[int, Rollout]:
    """Ask the function about a draw of the completions, always the same one, and return it by number."""
    drawn = {
        number: replace(rollout_of(recording, row), completion=completion)
        for number, completion, *row in recording.store.rows(_DRAWN, {"most": config.scored})
    }
    threshold = recording.store.value("select threshold from rewards")
    rewards = {
        number: one.reward
        for number, one in zip(drawn, judge.score(list(drawn.values())), strict=True)
        if one.reward is not None
    }
    recording.store.execute(
        _PAID, {"rollouts": list(rewards), "rewards": list(rewards.values()), "threshold": threshold}
    )
    return drawn


def _weigh(recording: Recording, planned: int | None, gains: Mapping[str, Gain]) -> None:
    """Hold the best paid variant of every exploit against honest samples, beside what it gains behind them.

    Of several variants the best is taken, so that its interval is Bonferroni's.
    """
    import pyarrow as pa

    store = recording.store
    honest, honest_paid = store.rows(_HONEST)[0]
    by_family: dict[str, list[list[Any]]] = {}
    for family, *accepted in store.rows(_ACCEPTED, {"families": list(SIGNED)}):
        by_family.setdefault(family, []).append(accepted)
    rows = []
    for family, variants in by_family.items():
        z = NormalDist().inv_cdf(1 - 0.025 / len(variants))
        variant, asked, paid, example = max(variants, key=lambda one: wilson(one[2], one[1], z))
        looked, seen, seen_asked, seen_paid = store.rows(
            _SEEN, {"family": family, "never_right": family in NEVER_RIGHT}
        )[0]
        low, high = wilson(paid, asked, z)
        prior_low, prior_high = wilson(seen, looked)
        rows.append(
            {
                "family": family,
                "variant": variant,
                "asked": asked,
                "paid": paid,
                "acceptance_low": low,
                "acceptance_high": high,
                "example": example,
                "looked": looked,
                "seen": seen,
                "seen_asked": seen_asked,
                "seen_paid": seen_paid,
                "prior_low": prior_low,
                "prior_high": prior_high,
                "honest": honest,
                "honest_paid": honest_paid,
                "planned": planned,
                **(asdict(gains[family]) if family in gains else _NOT_TRIED),
            }
        )
    store.insert("payoffs", pa.Table.from_pylist(rows, schema=TABLES["payoffs"].arrow_schema()))

"""The completions of a run, read: right or wrong, which exploits they show, what they answer."""

from collections.abc import Mapping
from functools import lru_cache

from sft_audit.config import AuditConfig, RunConfig
from sft_audit.monitor.episode import read_episode
from sft_audit.record import Batch, row_recorder
from sft_audit.record.tails import read_tails
from sft_audit.tables import TABLES, Table

_tails = lru_cache(maxsize=1)(read_tails)
SFT_EPISODES = Table(
    "sft_episodes", "one completion that the SFT model sampled before RL, read", TABLES["episodes"].columns
)
_OF = """
    select
        rollout,
        step,
        group_no,
        reward,
        coalesce(question, prompt) as question,
        coalesce(answer, gold) as answer,
        completion
    from rollouts
    left join answers using (sample_id, turn)
    where group_no is not null and condition = '{condition}'
    order by rollout
"""


@row_recorder(
    query=_OF.format(condition="image"), fills=("episodes",), needs=("rollouts", "answers"), requires="run"
)
def episodes(batch: Batch, config: AuditConfig) -> Mapping[str, Batch]:
    """Read every completion whose step is known, without the reward function."""
    return {"episodes": _read(batch, config)}


@row_recorder(
    query=_OF.format(condition="sft"),
    fills=(SFT_EPISODES,),
    needs=("rollouts", "answers"),
    requires="sft_samples",
)
def sft_episodes(batch: Batch, config: AuditConfig) -> Mapping[str, Batch]:
    """Read what the SFT model sampled before RL."""
    return {SFT_EPISODES.name: _read(batch, config)}


def _read(batch: Batch, config: AuditConfig) -> Batch:
    import pyarrow as pa

    tails = _tails(config.sft_audit) if isinstance(config, RunConfig) else ()
    rows = []
    for row in batch.to_pylist():
        told = read_episode(row["completion"], row.pop("question"), row.pop("answer"), tails)
        rows.append(
            {
                **row,
                "reading": told.reading,
                "exploits": " ".join(told.exploits),
                "words": told.words,
                "answer": told.answer,
            }
        )
    return pa.RecordBatch.from_pylist(rows, schema=TABLES["episodes"].arrow_schema())

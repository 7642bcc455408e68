"""The completions of a run, read: right or wrong, which exploits they show, what they answer."""

from collections.abc import Mapping
from functools import lru_cache

from sft_audit.config import AuditConfig, RunConfig
from sft_audit.monitor.episode import read_episode
from sft_audit.record import Batch, row_recorder
from sft_audit.record.tails import read_tails
from sft_audit.tables import TABLES

_tails = lru_cache(maxsize=1)(read_tails)
_LOGGED = """
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
    where group_no is not null
    order by rollout
"""


@row_recorder(query=_LOGGED, fills=("episodes",), needs=("rollouts", "answers"), requires="run")
def episodes(batch: Batch, config: AuditConfig) -> Mapping[str, Batch]:
    """Read every completion whose step is known, without the reward function."""
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
    return {"episodes": pa.RecordBatch.from_pylist(rows, schema=TABLES["episodes"].arrow_schema())}

"""What two models said to the probes, from logs in place of asking them."""

from dataclasses import asdict

from sft_audit.record import Batch, Recording
from sft_audit.record.reply import read_reply
from sft_audit.tables import TABLES

_CHUNK = 8192
_LOGGED = """
    select
        split_part(rollouts.condition, ' ', 1) as model,
        sample_id,
        turn,
        split_part(rollouts.condition, ' ', 2) as condition,
        row_number() over (partition by rollouts.condition, sample_id, turn order by rollout) - 1 as draw,
        completion as text,
        question,
        answer
    from rollouts
    join answers using (sample_id, turn)
    order by rollout
"""


def logged_responses(recording: Recording) -> None:
    """Store every logged completion that is joined to a probe as a response; it needs rollouts and answers.

    Draws are numbered from 0 in the order of reading. A log says nothing of likelihoods, which stay null.
    """
    for batch in recording.store.batches(_LOGGED, _CHUNK):
        recording.store.insert("responses", _read(batch))


def _read(batch: Batch) -> Batch:
    import pyarrow as pa

    rows = [
        row | asdict(read_reply(row["question"], row["answer"], row["text"])) for row in batch.to_pylist()
    ]
    return pa.Table.from_pylist(rows, schema=TABLES["responses"].arrow_schema())

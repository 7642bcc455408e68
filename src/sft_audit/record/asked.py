"""The answers of the data set that a reward function is asked about, as rollouts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sft_audit.record import Recording
from sft_audit.record.places import ImageRoot
from sft_audit.rewards import Rollout
from sft_audit.rewards.trial import KnownAnswer, known_answer

PICTURED = """
    pictured as (
        select sample_id, list(uri order by slot) as images
        from image_uses
        group by sample_id
    )
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer of the data that trials are made of."""

    sample_id: str
    turn: int
    known: KnownAnswer
    rollout: Rollout


def draw_answers(recording: Recording, most: int) -> Iterator[Asked]:
    """Yield closed answers, as evenly over the answer kinds as there are any, always the same ones."""
    rows = recording.store.rows(
        f"""
        with {PICTURED}, ranked as (
            select
                sample_id,
                turn,
                question,
                answer,
                row_number() over (
                    partition by answer_kind order by md5(concat_ws('|', row_hash, turn))
                ) as rank
            from answers
            join samples using (sample_id)
            where canonical is not null and answer_kind <> 'free'
        )
        select sample_id, turn, question, answer, images, extra, files.path
        from ranked
        join samples using (sample_id)
        join files on files.file = samples.file
        left join pictured using (sample_id)
        order by rank, sample_id, turn
        limit $most
        """,
        {"most": most},
    )
    for sample_id, turn, *row in rows:
        rollout = rollout_of(recording, row)
        yield Asked(sample_id, turn, known_answer(rollout.prompt, rollout.completion), rollout)


def rollout_of(recording: Recording, row: Sequence[Any]) -> Rollout:
    """Return the known answer as a rollout, from question, answer, image addresses, extra fields and path."""
    question, answer, images, extra, path = row
    root = _root(str(recording.config.images or Path(path or "").parent))
    found = tuple(place for uri in images or () if (place := root.locate(uri).path) is not None)
    return Rollout(question, answer, answer.strip(), found, _columns(extra))


_root = lru_cache(maxsize=64)(ImageRoot)


def _columns(extra: str | None) -> dict[str, Any]:
    import json

    found = json.loads(extra) if extra else {}
    return found if isinstance(found, dict) else {}

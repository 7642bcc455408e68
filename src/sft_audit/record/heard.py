"""What one model said to one probe, under every condition."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sft_audit.rewards.trial import CLOSED
from sft_audit.store import Store

Key = tuple[str, int]
_PROBES = """
    select
        probes.sample_id,
        probes.turn,
        family,
        cluster,
        text_only,
        probes.question,
        probes.answer,
        probes.answer_kind,
        canonical,
        chance,
        cue,
        objects,
        coalesce(image_id, probes.sample_id) as image
    from probes
    join answers using (sample_id, turn)
    order by probes.sample_id, probes.turn
"""
_RESPONSES = """
    select
        sample_id, turn, condition, draw, text, reading, said, readable, nll, n_tokens, entropy, nll_said,
        nll_base, n_said
    from responses
    where model = $model
    order by sample_id, turn, condition, draw
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One probe; `image` is the content of its image, of which probes may share one."""

    sample_id: str
    turn: int
    family: str
    cluster: str
    text_only: bool
    question: str
    answer: str
    answer_kind: str
    canonical: str | None
    chance: float
    cue: str | None
    objects: frozenset[str] | None
    image: str

    @property
    def key(self) -> Key:
        """Return what tells the probe from all others."""
        return self.sample_id, self.turn

    @property
    def cued(self) -> bool:
        """Return whether its prompt suggests an answer, a wrong one or the right one."""
        return self.family == "cue" or self.cue is not None

    @property
    def closed(self) -> bool:
        """Return whether an answer to it can be told right or wrong."""
        return self.answer_kind in CLOSED


@dataclass(frozen=True, slots=True)
class Reply:
    """One response, as the table `responses` has it."""

    text: str
    reading: str
    said: str | None
    readable: bool
    nll: float | None
    n_tokens: int | None
    entropy: float | None
    nll_said: float | None
    nll_base: float | None
    n_said: int | None

    @property
    def right(self) -> float:
        """Return 1 where it is right, else 0: what cannot be read is not right."""
        return float(self.reading == "right")


@dataclass(frozen=True, slots=True)
class Heard:
    """One probe, the most probable reply under every condition, and the replies drawn to it as it stands."""

    asked: Asked
    greedy: Mapping[str, Reply]
    drawn: Sequence[Reply]

    def under(self, *conditions: str) -> tuple[Reply, ...] | None:
        """Return the replies under these conditions; None where one is missing."""
        found = tuple(self.greedy[one] for one in conditions if one in self.greedy)
        return found if len(found) == len(conditions) else None


@dataclass(slots=True)
class _Replies:
    greedy: dict[str, Reply] = field(default_factory=dict)
    drawn: list[Reply] = field(default_factory=list)


def read_asked(store: Store) -> list[Asked]:
    """Return all probes, in order."""
    return [Asked(**_unpacked(row)) for row in store.arrow(_PROBES).to_pylist()]


def hear(store: Store, model: str, asked: Sequence[Asked]) -> Iterator[Heard]:
    """Yield what the model said to each probe, in their order, those that it was not asked too."""
    by_probe: dict[Key, _Replies] = defaultdict(_Replies)
    for batch in store.batches(_RESPONSES, 8192, {"model": model}):
        for row in batch.to_pylist():
            sample_id, turn, condition, draw, *reply = row.values()
            replies = by_probe[sample_id, turn]
            if draw == 0:
                replies.greedy[condition] = Reply(*reply)
            elif condition == "own":
                replies.drawn.append(Reply(*reply))
    for one in asked:
        yield Heard(one, by_probe[one.key].greedy, tuple(by_probe[one.key].drawn))


def _unpacked(row: dict[str, Any]) -> dict[str, Any]:
    objects = row["objects"]
    return {**row, "objects": frozenset(json.loads(objects)) if objects is not None else None}

"""What a model's answers to probes with an image are worth: with it, with another, and without looking."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from sft_audit.record.heard import Asked, Heard, Key
from sft_audit.record.measures import Unit, Units
from sft_audit.rewards import Rollout
from sft_audit.rewards.process import RewardProcess


@dataclass(frozen=True, slots=True)
class Sight:
    """What one probe's answer is worth with its own image, with another, and on the average without looking.

    `image` is the content of its image, of which probes may share one.
    """

    own: float
    swapped: float
    chance: float
    image: str


Sights = Mapping[Key, Sight]


def right_sights(heard: Sequence[Heard]) -> Sights:
    """Return what the answers are worth where one that is right is worth 1, and none other anything."""
    return {
        one.asked.key: Sight(own.right, swapped.right, one.asked.chance, one.asked.image)
        for one in _looked(heard)
        for own, swapped in [(one.greedy["own"], one.greedy["swapped"])]
    }


def paid_sights(heard: Sequence[Heard], judge: RewardProcess) -> Sights:
    """Return what a reward function pays for the answers; a probe of which it pays no number is left out.

    Without looking, the model would say to a probe what it says to another: that is what the same answers are
    paid when they are dealt out anew among the probes whose answers are of one kind.
    """
    looked = _looked(heard)
    others = _dealt(looked)
    put = [
        _rollout(one.asked, said)
        for one, other in zip(looked, others, strict=True)
        for said in (one.greedy["own"].text, one.greedy["swapped"].text, other.greedy["own"].text)
    ]
    paid = [one.reward for one in judge.score(put)]
    found: dict[Key, Sight] = {}
    for at, one in enumerate(looked):
        own, swapped, dealt = paid[3 * at : 3 * at + 3]
        if own is not None and swapped is not None and dealt is not None and others[at] is not one:
            found[one.asked.key] = Sight(own, swapped, dealt, one.asked.image)
    return found


def gaps(sights: Sights) -> Units:
    """Return by how much more the answers are worth with the own image than with another."""
    return {key: Unit(one.own - one.swapped, 1.0, one.image) for key, one in sights.items()}


def blind_ratios(sights: Sights) -> Units:
    """Return (worth with another image - without looking) / (worth with the own one - without looking)."""
    return {
        key: Unit(one.swapped - one.chance, one.own - one.chance, one.image) for key, one in sights.items()
    }


def gaps_kept(sights: Sights, start: Sights) -> Units:
    """Return the gap over what it was at the start."""
    return {
        key: Unit(one.own - one.swapped, start[key].own - start[key].swapped, one.image)
        for key, one in sights.items()
        if key in start
    }


def _looked(heard: Sequence[Heard]) -> list[Heard]:
    """Return closed probes with an image that no cue misleads, answered with their image and with another."""
    return [
        one
        for one in heard
        if not one.asked.text_only
        and one.asked.closed
        and not one.asked.cued
        and one.under("own", "swapped") is not None
    ]


def _dealt(looked: Sequence[Heard]) -> list[Heard]:
    """Return for each probe another whose answer is of the same kind; itself where there is none."""
    kinds: dict[str, list[int]] = defaultdict(list)
    for at, one in enumerate(looked):
        kinds[one.asked.answer_kind].append(at)
    dealt = list(looked)
    for places in kinds.values():
        ring = sorted(places, key=lambda at: sha256(repr(looked[at].asked.key).encode()).digest())
        for at, other in zip(ring, (*ring[1:], ring[0]), strict=True):
            dealt[at] = looked[other]
    return dealt


def _rollout(asked: Asked, said: str) -> Rollout:
    return Rollout(asked.question, said, asked.answer)

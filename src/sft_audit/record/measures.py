"""What is measured of a model's replies to the probes: each measure a ratio of sums over units."""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sft_audit.exact import pass_at_k
from sft_audit.record.heard import Asked, Heard, Reply
from sft_audit.rewards.signatures import exploits_in

Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True, slots=True)
class Unit:
    """What one probe, or one set of probes, adds to numerator and denominator; `cluster` is its image."""

    numerator: float
    denominator: float
    cluster: Hashable


Units = Mapping[Hashable, Unit]


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure; `share` where it lies between 0 and 1, `binary` where each unit is 0 or 1 of 1 besides."""

    name: str
    better: Better
    about: str
    units: Callable[[Sequence[Heard]], Units]
    share: bool = False
    binary: bool = False


def all_measures(tails: Sequence[str]) -> tuple[Measure, ...]:
    """Return every measure, in the order in which they are shown; `tails` are reward-like texts."""

    def exploits(heard: Sequence[Heard]) -> Units:
        return _of_all(heard, lambda one: _shown(one, tails))

    return (
        Measure(
            "accuracy", "higher", "share of image probes answered rightly", _accuracy, share=True, binary=True
        ),
        Measure(
            "accuracy_above_chance",
            "higher",
            "(share right - chance) / (1 - chance), image probes",
            _above_chance,
        ),
        Measure(
            "paired_accuracy",
            "higher",
            "share of sets of one question, several images and different answers that are right throughout",
            _paired,
            share=True,
            binary=True,
        ),
        Measure(
            "unmoved",
            "lower",
            "share of answers that stay the same when the image is swapped for one with another answer",
            _unmoved,
            share=True,
            binary=True,
        ),
        Measure("swap_gain", "higher", "accuracy less that with a swapped image", _gain("swapped")),
        Measure("image_gain", "higher", "accuracy less that without an image (MMStar's MG)", _gain("none")),
        Measure("blank_gain", "higher", "accuracy less that with a grey image", _gain("blank")),
        Measure(
            "blind_accuracy",
            "lower",
            "share of image probes answered rightly without the image; its rise is MMStar's ML",
            _blind,
            share=True,
            binary=True,
        ),
        Measure(
            "blind_share",
            "lower",
            "(right without the image - chance) / (right with it - chance)",
            _blind_share,
        ),
        Measure("mirage", "lower", "accuracy without the image / with it", _mirage),
        Measure(
            "likelihood_gain",
            "higher",
            "nats a token by which the known answer is likelier with its image than with a swapped one",
            _likelihood_gain,
        ),
        Measure(
            "cue_following",
            "lower",
            "share of cue probes answered as the cue says",
            _cue,
            share=True,
            binary=True,
        ),
        Measure("yes_bias", "neither", "share of yes less the share that is right, yes/no probes", _yes),
        Measure(
            "chair_i", "lower", "share of objects named that the image does not show", _chair_i, share=True
        ),
        Measure(
            "chair_s",
            "lower",
            "share of captions that name such an object",
            _chair_s,
            share=True,
            binary=True,
        ),
        Measure(
            "text_accuracy",
            "higher",
            "share of text-only probes answered rightly",
            _text,
            share=True,
            binary=True,
        ),
        Measure("loss", "lower", "nats a token of the known answers, all probes", _loss),
        Measure(
            "readable",
            "higher",
            "share of answers that say an answer of a closed kind, right or wrong",
            _readable,
            share=True,
            binary=True,
        ),
        Measure("entropy", "neither", "mean entropy of the next token along drawn answers, nats", _entropy),
        Measure("pass_at_1", "higher", "share right of drawn answers", _pass_at(1), share=True),
        Measure(
            "pass_at_k",
            "higher",
            "probability that one of half as many draws is right",
            _pass_at(None),
            share=True,
        ),
        Measure("kl", "neither", "nats a token from the base model, on drawn answers", _kl),
        Measure("exploits", "lower", "share of drawn answers that show an exploit", exploits, share=True),
    )


def _of_all(heard: Sequence[Heard], value: Callable[[Heard], tuple[float, float] | None]) -> Units:
    found = {one.asked.key: (value(one), one.asked.image) for one in heard}
    return {key: Unit(*sums, image) for key, (sums, image) in found.items() if sums is not None}


def _of_pictured(
    heard: Sequence[Heard], conditions: tuple[str, ...], value: Callable[..., tuple[float, float]]
) -> Units:
    """Return what closed probes with an image add, of which no cue misleads: of the probe and its replies."""

    def one(each: Heard) -> tuple[float, float] | None:
        asked, replies = each.asked, each.under(*conditions)
        if asked.text_only or not asked.closed or asked.cued or replies is None:
            return None
        return value(asked, *replies)

    return _of_all(heard, one)


def _of_replies(heard: Sequence[Heard], conditions: tuple[str, ...], value: Callable[..., float]) -> Units:
    """Return the mean over such probes of a value of their replies."""
    return _of_pictured(heard, conditions, lambda _, *replies: (value(*replies), 1.0))


def _accuracy(heard: Sequence[Heard]) -> Units:
    return _of_replies(heard, ("own",), lambda own: own.right)


def _blind(heard: Sequence[Heard]) -> Units:
    return _of_replies(heard, ("none",), lambda none: none.right)


def _gain(condition: str) -> Callable[[Sequence[Heard]], Units]:
    def units(heard: Sequence[Heard]) -> Units:
        return _of_replies(heard, ("own", condition), lambda own, other: own.right - other.right)

    return units


def _unmoved(heard: Sequence[Heard]) -> Units:
    def same(own: Reply, other: Reply) -> float:
        if own.said is not None or other.said is not None:
            return float(own.said == other.said)
        return float(own.text.strip() == other.text.strip())

    return _of_replies(heard, ("own", "swapped"), same)


def _mirage(heard: Sequence[Heard]) -> Units:
    return _of_pictured(heard, ("none", "own"), lambda _, none, own: (none.right, own.right))


def _blind_share(heard: Sequence[Heard]) -> Units:
    def above(asked: Asked, none: Reply, own: Reply) -> tuple[float, float]:
        return none.right - asked.chance, own.right - asked.chance

    return _of_pictured(heard, ("none", "own"), above)


def _above_chance(heard: Sequence[Heard]) -> Units:
    return _of_pictured(heard, ("own",), lambda asked, own: (own.right - asked.chance, 1 - asked.chance))


def _paired(heard: Sequence[Heard]) -> Units:
    """Return sets of one probe for each answer of a cluster: the first ones, the second ones, and so on."""
    clusters: dict[str, dict[str, list[Heard]]] = defaultdict(lambda: defaultdict(list))
    for one in heard:
        asked = one.asked
        if asked.closed and not asked.text_only and not asked.cued and asked.canonical and one.under("own"):
            clusters[asked.cluster][asked.canonical].append(one)
    units = dict[Hashable, tuple[float, list[str]]]()
    for cluster, by_answer in sorted(clusters.items()):
        for place in range(max(map(len, by_answer.values()))):
            members = [some[place] for some in by_answer.values() if place < len(some)]
            if len({one.asked.image for one in members}) == len(members) > 1:
                right = min(one.greedy["own"].right for one in members)
                units[cluster, place] = (right, [one.asked.image for one in members])
    joined = _joined([images for _, images in units.values()])
    return {key: Unit(right, 1.0, joined[images[0]]) for key, (right, images) in units.items()}


def _joined(sets: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return for every image one that stands for all that sets join it with: those are one cluster."""
    first: dict[str, str] = {}

    def find(image: str) -> str:
        while first.setdefault(image, image) != image:
            image = first[image]
        return image

    for images in sets:
        for image in images[1:]:
            first[find(image)] = find(images[0])
    return {image: find(image) for images in sets for image in images}


def _likelihood_gain(heard: Sequence[Heard]) -> Units:
    def one(each: Heard) -> tuple[float, float] | None:
        replies = each.under("swapped", "own")
        if replies is None or each.asked.text_only or each.asked.cued:
            return None
        other, own = replies
        if other.nll is None or own.nll is None or not own.n_tokens:
            return None
        return other.nll - own.nll, own.n_tokens

    return _of_all(heard, one)


def _cue(heard: Sequence[Heard]) -> Units:
    def one(each: Heard) -> tuple[float, float] | None:
        replies = each.under("own")
        return (float(replies[0].said == each.asked.cue), 1.0) if replies and each.asked.cue else None

    return _of_all(heard, one)


def _yes(heard: Sequence[Heard]) -> Units:
    def one(each: Heard) -> tuple[float, float] | None:
        replies = each.under("own")
        if replies is None or each.asked.answer_kind != "yes_no" or each.asked.text_only:
            return None
        return float(replies[0].said == "yes") - float(each.asked.canonical == "yes"), 1.0

    return _of_all(heard, one)


def _named(heard: Sequence[Heard]) -> dict[Hashable, tuple[int, int, Hashable]]:
    """Return of each caption how many of the set's objects it names, and how many of them wrongly."""
    captions = [one for one in heard if one.asked.objects is not None and one.under("own")]
    known = {name.casefold() for one in captions for name in one.asked.objects or ()}
    patterns = {name: re.compile(rf"\b{re.escape(name)}(?:s|es)?\b") for name in known}
    found = dict[Hashable, tuple[int, int, Hashable]]()
    for one in captions:
        text = one.greedy["own"].text.casefold()
        named = {name for name, pattern in patterns.items() if pattern.search(text)}
        shown = {name.casefold() for name in one.asked.objects or ()}
        found[one.asked.key] = (len(named - shown), len(named), one.asked.image)
    return found


def _chair_i(heard: Sequence[Heard]) -> Units:
    return {key: Unit(wrong, named, image) for key, (wrong, named, image) in _named(heard).items()}


def _chair_s(heard: Sequence[Heard]) -> Units:
    return {key: Unit(float(wrong > 0), 1.0, image) for key, (wrong, _, image) in _named(heard).items()}


def _text(heard: Sequence[Heard]) -> Units:
    def one(each: Heard) -> tuple[float, float] | None:
        replies = each.under("own")
        return (replies[0].right, 1.0) if replies and each.asked.text_only and each.asked.closed else None

    return _of_all(heard, one)


def _loss(heard: Sequence[Heard]) -> Units:
    def one(each: Heard) -> tuple[float, float] | None:
        replies = each.under("own")
        if replies is None or replies[0].nll is None or each.asked.cued:
            return None
        return replies[0].nll, replies[0].n_tokens or 0

    return _of_all(heard, one)


def _readable(heard: Sequence[Heard]) -> Units:
    def one(each: Heard) -> tuple[float, float] | None:
        replies = each.under("own")
        if replies is None or not each.asked.closed:
            return None
        return float(replies[0].readable), 1.0

    return _of_all(heard, one)


def _entropy(heard: Sequence[Heard]) -> Units:
    def one(each: Heard) -> tuple[float, float] | None:
        told = [reply.entropy for reply in each.drawn if reply.entropy is not None]
        return (sum(told), len(told)) if told else None

    return _of_all(heard, one)


def _kl(heard: Sequence[Heard]) -> Units:
    def one(each: Heard) -> tuple[float, float] | None:
        weighed = [
            (reply.nll_base - reply.nll_said, reply.n_said)
            for reply in each.drawn
            if reply.nll_base is not None and reply.nll_said is not None and reply.n_said
        ]
        return (sum(nats for nats, _ in weighed), sum(n for _, n in weighed)) if weighed else None

    return _of_all(heard, one)


def _pass_at(k: int | None) -> Callable[[Sequence[Heard]], Units]:
    """Return pass@k (Chen et al. 2021), for k half of the draws where none is given, of closed probes."""

    def units(heard: Sequence[Heard]) -> Units:
        def one(each: Heard) -> tuple[float, float] | None:
            n = len(each.drawn)
            if not each.asked.closed or each.asked.cued or n < (k or 4):
                return None
            right = sum(int(reply.right) for reply in each.drawn)
            return pass_at_k(n, right, k or n // 2), 1.0

        return _of_all(heard, one)

    return units


def _shown(one: Heard, tails: Sequence[str]) -> tuple[float, float] | None:
    if not one.drawn:
        return None
    shown = sum(bool(exploits_in(reply.text, one.asked.question, tails)) for reply in one.drawn)
    return shown, len(one.drawn)

"""Counterfactual pairs: one question, different images, different answers, each as often as any other."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sft_audit.probes.item import Bundle, Item, Known, in_turn, lot, spelled
from sft_audit.probes.known import key, reads_as
from sft_audit.record.canonical import NEAR_COLOURS
from sft_audit.record.question import ENDS
from sft_audit.record.slots import filled, slots_of

_MOST_ANSWERS = 4


@dataclass(frozen=True, slots=True)
class Cluster:
    """One question, answered by images: as many for each of its answers, at least two answers.

    A model that does not see the image says one thing, whatever the image: over the cluster it is right in at
    most one case of `len(answers)`.
    """

    name: str
    question: str
    kind: str
    answers: tuple[str, ...]
    members: tuple[tuple[Known, ...], ...]

    @property
    def chance(self) -> float:
        """Return the share that is right without the image."""
        return 1 / len(self.answers)


def same_questions(sound: Iterable[Known], seed: int) -> list[Cluster]:
    """Return the clusters among the questions of the data, in drawn order, answer kinds taking turns."""
    groups: dict[tuple[str, str, int], list[Known]] = defaultdict(list)
    for one in sound:
        if one.images and one.canonical is not None and one.kind != "free":
            groups[key(one.question), one.kind, len(one.images)].append(one)
    by_kind: dict[str, list[Cluster]] = defaultdict(list)
    for (asked, kind, _), members in groups.items():
        found = _cluster(asked, members, seed)
        if found is not None:
            by_kind[kind].append(found)
    return mixed(by_kind, seed)


def mixed(by_kind: Mapping[str, Sequence[Cluster]], seed: int) -> list[Cluster]:
    """Return clusters of all kinds in drawn order, kinds taking turns."""
    ranked = [
        (rank, kind, one)
        for kind, clusters in by_kind.items()
        for rank, one in enumerate(sorted(clusters, key=lambda c: lot(seed, c.question, c.name)))
    ]
    return [one for _, _, one in sorted(ranked, key=lambda r: r[:2])]


def _cluster(asked: str, members: Sequence[Known], seed: int) -> Cluster | None:
    by_answer: dict[str, list[Known]] = defaultdict(list)
    for one in members:
        if one.canonical:
            by_answer[one.canonical].append(one)
    chosen: list[str] = []
    for answer in sorted(by_answer, key=lambda a: (-len(by_answer[a]), lot(seed, asked, a))):
        if all(_differ(members[0].kind, answer, other) for other in chosen):
            chosen.append(answer)
    question = min((one.question for one in members), key=lambda q: lot(seed, q))
    return balanced(question, members[0].kind, {a: by_answer[a] for a in chosen[:_MOST_ANSWERS]}, seed)


def balanced(question: str, kind: str, by_answer: Mapping[str, Sequence[Known]], seed: int) -> Cluster | None:
    """Return the largest cluster of the first answers with as many images each; None where there is none.

    All members ask the one question in one spelling, so that nothing but the image tells them apart.
    """
    names = [a for a in by_answer if by_answer[a]]
    sizes = [len(by_answer[a]) for a in names]
    if len(names) < 2:
        return None
    many = max(range(2, len(names) + 1), key=lambda m: (m * min(sizes[:m]), m))
    each = min(sizes[:many])
    members = tuple(
        tuple(
            replace(spelled(one), question=question)
            for one in sorted(by_answer[a], key=lambda one: lot(seed, question, *one.images))[:each]
        )
        for a in names[:many]
    )
    name = lot(question, kind, len(members[0][0].images))[:12]
    return Cluster(name, question, kind, tuple(names[:many]), members)


def apart(one: Known, other: Known) -> bool:
    """Return whether two answers to one question cannot both be right."""
    return one.kind == other.kind and _differ(one.kind, one.canonical or "", other.canonical or "")


def _differ(kind: str, one: str, other: str) -> bool:
    if kind == "colour":
        near = (one, other) in NEAR_COLOURS or (other, one) in NEAR_COLOURS
        return one != other and "+" not in one + other and not near
    if kind == "phrase":
        a, b = set(one.split()), set(other.split())
        return not (a <= b or b <= a)
    return one != other


def pair_bundles(clusters: Sequence[Cluster], family: str) -> list[Bundle]:
    """Return bundles of one image for each answer of a cluster, clusters taking turns."""
    return in_turn([_bundles(cluster, family) for cluster in clusters])


def _bundles(cluster: Cluster, family: str) -> list[Bundle]:
    return [
        tuple(
            Item(
                family,
                f"{family}:{cluster.name}",
                one,
                cluster.chance,
                swapped=row[(at + 1) % len(row)].images,
                fault=one.fault,
            )
            for at, one in enumerate(row)
        )
        for row in zip(*cluster.members, strict=True)
        if all(reads_as(one.question, one.answer, cluster.kind, one.canonical) for one in row)
    ]


def cue_bundles(clusters: Sequence[Cluster], forms: Sequence["CueForm"], seed: int) -> list[Bundle]:
    """Return the same bundles, with a line in the prompt that suggests one of the cluster's answers.

    The line is the same for all images of a bundle: what it suggests is right for one of them, and a model
    that goes by the line, or against it, is right no more often than one that guesses.
    """
    groups = []
    for at, cluster in enumerate(clusters):
        fitting = [form for form in forms if not form.kinds or cluster.kind in form.kinds]
        if not fitting:
            continue
        start = int(lot(seed, "cue", cluster.name)[:8], 16)
        rows = zip(*cluster.members, strict=True)
        groups.append(
            [
                bundle
                for turn, row in enumerate(rows)
                if (bundle := _cued(cluster, row, row[(start + turn) % len(row)], fitting[at % len(fitting)]))
            ]
        )
    return in_turn(groups)


@dataclass(frozen=True, slots=True)
class CueForm:
    """How a prompt suggests an answer: a line with `{}` for it, before or after the question.

    `fault` is the check that found such prompts in the data; None for the plain hint. A question that has the
    `slot` tells it there. `kinds` are those of the answers that it gives away in the data; all, if empty.
    """

    line: str
    first: bool
    fault: str | None
    slot: str | None = None
    kinds: frozenset[str] = frozenset()

    def lay(self, question: str, answer: str) -> str:
        """Return the question with the suggestion."""
        if self.slot and any(one.label == self.slot for one in slots_of(question)):
            return filled(question, self.slot, answer)
        told = self.line.replace("{}", answer)
        return f"{told}\n{question}" if self.first else f"{question}\n{told}"


def _cued(cluster: Cluster, row: Sequence[Known], hinted: Known, form: CueForm) -> Bundle:
    hint = _said(hinted)
    question = form.lay(cluster.question, hint)
    asked = [replace(one, question=question) for one in row]
    if not all(reads_as(question, one.answer, cluster.kind, one.canonical) for one in (*asked, hinted)):
        return ()
    return tuple(
        Item(
            "cue",
            f"cue:{lot(cluster.name, question, *row[0].images)[:12]}",
            one,
            cluster.chance,
            swapped=asked[(at + 1) % len(asked)].images,
            cue=None if one.canonical == hinted.canonical else hint,
            fault=form.fault,
        )
        for at, one in enumerate(asked)
    )


def _said(one: Known) -> str:
    """Return the answer as its row spells it, if it is that value and nothing else; else the value."""
    value = one.canonical or ""
    said = one.answer.strip(ENDS)
    return said if len(said.split()) == len(value.split()) else value

"""Items that stand alone: text rows, captions whose objects are known, and prompts of faulty rows."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sft_audit.probes.derived import things
from sft_audit.probes.item import Bundle, Images, Item, Known, in_turn, lot, spelled
from sft_audit.probes.known import Knowledge, key, reads_as
from sft_audit.probes.pairs import apart
from sft_audit.record.question import read_question

_SHORT = 200
_DESCRIBES = re.compile(
    r"\b(?:describe|caption|description of|what (?:do you see|is shown|is happening|can be seen))\b",
    re.IGNORECASE,
)
_LEAST_OBJECTS, _MOST_OBJECTS = 1, 30
# Checks of answers that are polluted or missing, while the question is sound; and those of them whose value,
# where it can be read, still holds.
_FAULTS = ("PRF301", "PRF302", "PRF303", "INT106", "INT107")
_STILL_TRUE = frozenset(("PRF301", "PRF302"))


def text_bundles(knowledge: Knowledge, seed: int) -> list[Bundle]:
    """Return questions without an image, those with a closed answer first."""
    closed = [one for one in knowledge.sound if not one.images and one.kind != "free"]
    short = [one for one in knowledge.free if not one.images and len(one.answer) <= _SHORT]
    guessed = _guesses(closed)
    return [
        (Item("text", f"text:{lot(one.question)[:12]}", spelled(one), guessed[_space(one)]),)
        for one in (*_drawn(closed, seed), *_drawn(short, seed))
    ]


def caption_bundles(knowledge: Knowledge, seed: int) -> list[Bundle]:
    """Return questions for a free description of images of which other answers tell what they show.

    One an image; an object that is both said to be there and not is left out.
    """
    seen: dict[Images, dict[str, set[bool]]] = defaultdict(lambda: defaultdict(set))
    for one in knowledge.sound:
        told = things(one) if len(one.images) == 1 else None
        if told:
            seen[one.images][told[0]].add(told[1])
    found: dict[Images, Bundle] = {}
    for one in _drawn(knowledge.free, seed):
        objects = seen.get(one.images, {})
        present = sorted(name for name, said in objects.items() if said == {True})
        if len(present) >= _LEAST_OBJECTS and _DESCRIBES.search(one.question):
            item = Item(
                "caption",
                f"caption:{lot(one.question, *one.images)[:12]}",
                one,
                0.0,
                objects=tuple(present[:_MOST_OBJECTS]),
                absent=tuple(sorted(n for n, said in objects.items() if said == {False})[:_MOST_OBJECTS]),
            )
            found.setdefault(one.images, (item,))
    return list(found.values())


def fault_bundles(knowledge: Knowledge, seed: int) -> list[Bundle]:
    """Return prompts of rows whose answers were flagged, checks taking turns.

    The answer is that of a sound row that asks the same of the same image, else what is read from a row
    whose fault is its style alone. Where it is a value, another image with another answer is asked too.
    """
    sound = {(key(one.question), one.images): one for one in (*knowledge.free, *knowledge.sound)}
    others: dict[str, list[Known]] = defaultdict(list)
    for one in _drawn(knowledge.sound, seed):
        others[key(one.question)].append(one)
    by_check: dict[str, dict[str, Bundle]] = {check: {} for check in _FAULTS}
    for one, checks in sorted(knowledge.flagged, key=lambda f: lot(seed, f[0].question, *f[0].images)):
        named = next((check for check in _FAULTS if check in checks), None)
        answer = sound.get((key(one.question), one.images)) if named else None
        if named and answer is None and _STILL_TRUE.issuperset(checks) and _is_read(one):
            answer = replace(one, answer=one.canonical or "")
        if named and answer is not None:
            known = replace(spelled(answer), question=one.question, file=one.file, position=one.position)
            if bundle := _faulty(known, others[key(one.question)], named):
                by_check[named].setdefault(bundle[0].cluster, bundle)
    return in_turn([list(bundles.values()) for bundles in by_check.values()])


def _faulty(known: Known, others: Sequence[Known], check: str) -> Bundle:
    """Return the prompt, alone where its answer is free text or it has no image; nothing without a pair."""
    cluster = f"fault:{lot(known.question, *known.images)[:12]}"
    item = Item("fault", cluster, known, 0.0, fault=check)
    if known.canonical is None or not known.images:
        return (item,)
    for one in others:
        if apart(known, one) and len(one.images) == len(known.images) and one.images != known.images:
            other = replace(spelled(one), question=known.question)
            return (
                replace(item, chance=0.5, swapped=other.images),
                Item("fault", cluster, other, 0.5, swapped=known.images, fault=check),
            )
    return ()


def _is_read(one: Known) -> bool:
    return (
        one.canonical is not None
        and one.kind != "free"
        and reads_as(one.question, one.canonical, one.kind, one.canonical)
    )


def _drawn(known: Sequence[Known], seed: int) -> Iterator[Known]:
    yield from sorted(known, key=lambda one: lot(seed, one.question, *one.images))


def _space(one: Known) -> tuple[str, str]:
    """Return the answer space: questions of one template whose answers are of one kind."""
    return read_question(one.question).template, one.kind


def _guesses(known: Sequence[Known]) -> Mapping[tuple[str, str], float]:
    """Return by answer space the share of its most frequent answer, at least one in as many as can be said.

    Guessing among two, or among the options, is right that often; a value of an open space that stands in one
    row is guessed by nobody, and counts nothing.
    """
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    spaces: dict[tuple[str, str], int] = {}
    for one in known:
        counts[_space(one)][one.canonical or one.answer] += 1
        options = len(read_question(one.question).options)
        spaces[_space(one)] = 2 if one.kind == "yes_no" else options
    guesses = defaultdict(float)
    for space, said in counts.items():
        most, n = max(said.values()), said.total()
        least = 1 / spaces[space] if spaces[space] else 0.0
        guesses[space] = max(least, most / n if most > 1 else 0.0)
    return guesses

"""New questions from known answers: yes or no, and nowhere in the data word for word."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from sft_audit.probes.item import Known
from sft_audit.probes.known import key
from sft_audit.probes.pairs import Cluster, balanced, mixed
from sft_audit.record.canonical import NEAR_COLOURS

YES_NO = "Answer yes or no."
_PLACE = r"(?:(?: there)? in (?:the|this) (?P<place>image|picture|photo))"
_TAIL = r"\?(?: Answer (?:yes or no|with [a-z ]+|using [a-z ]+|in one word)\.?)?"
_NOUN = r"(?P<noun>[a-z]+(?: [a-z]+){0,4}?)"
_COUNT = re.compile(
    rf"How many {_NOUN} (?:are(?: there)?|can be seen|can you see){_PLACE}?(?: there)?{_TAIL}", re.IGNORECASE
)
_COLOUR = re.compile(rf"What colou?r (?P<verb>is|are) the {_NOUN}{_PLACE}?{_TAIL}", re.IGNORECASE)
_EXISTS = re.compile(rf"Is there (?P<article>an?) {_NOUN}{_PLACE}{_TAIL}", re.IGNORECASE)
_NEAR = frozenset(NEAR_COLOURS) | {(b, a) for a, b in NEAR_COLOURS}

Members = dict[str, list[Known]]


def derived_clusters(sound: Iterable[Known], seed: int) -> list[Cluster]:
    """Return balanced clusters of questions that no row asks, made from counts, colours and what is there."""
    rows = [one for one in sound if len(one.images) == 1]
    asked = {key(one.question) for one in rows}
    by_kind = {
        "count": _counts(rows),
        "colour": _colours(rows),
        "exists": _existence(rows),
    }
    return mixed(
        {
            kind: [
                cluster
                for question, members in made.items()
                if key(question) not in asked
                if (cluster := balanced(question, "yes_no", members, seed)) is not None
            ]
            for kind, made in by_kind.items()
        },
        seed,
    )


def _counts(rows: Iterable[Known]) -> Mapping[str, Members]:
    """Ask for exactly n of things, of images with n and of those whose number is nearest."""
    groups: dict[tuple[str, str], list[tuple[int, Known]]] = defaultdict(list)
    for one, found in _matching(rows, "count", _COUNT):
        if (one.canonical or "").isdecimal():
            groups[found["noun"].lower(), _place(found)].append((int(one.canonical or 0), one))
    made: dict[str, Members] = {}
    for (noun, place), counted in groups.items():
        for n in sorted({n for n, _ in counted if n > 1}):
            nearest = min((abs(n - other) for other, _ in counted if other != n), default=0)
            others = [one for other, one in counted if abs(n - other) == nearest > 0]
            question = f"Are there exactly {n} {noun} in the {place}? {YES_NO}"
            made[question] = _answered(question, [one for other, one in counted if other == n], others)
    return made


def _colours(rows: Iterable[Known]) -> Mapping[str, Members]:
    groups: dict[tuple[str, str, str], list[Known]] = defaultdict(list)
    for one, found in _matching(rows, "colour", _COLOUR):
        if "+" not in (one.canonical or "+"):
            groups[found["verb"].capitalize(), found["noun"].lower(), _place(found)].append(one)
    made: dict[str, Members] = {}
    for (verb, noun, place), seen in groups.items():
        for colour in sorted({one.canonical or "" for one in seen}):
            others = [one for one in seen if one.canonical != colour and (one.canonical, colour) not in _NEAR]
            question = f"{verb} the {noun} in the {place} {colour}? {YES_NO}"
            made[question] = _answered(question, [one for one in seen if one.canonical == colour], others)
    return made


def _existence(rows: Iterable[Known]) -> Mapping[str, Members]:
    groups: dict[tuple[str, str, str], list[Known]] = defaultdict(list)
    for one, found in _matching(rows, "yes_no", _EXISTS):
        groups[found["article"].lower(), found["noun"].lower(), _place(found)].append(one)
    made: dict[str, Members] = {}
    for (article, noun, place), seen in groups.items():
        question = f"Does the {place} show {article} {noun}? {YES_NO}"
        there = [one for one in seen if one.canonical == "yes"]
        made[question] = _answered(question, there, [one for one in seen if one.canonical == "no"])
    return made


def _matching(
    rows: Iterable[Known], kind: str, pattern: re.Pattern[str]
) -> Iterator[tuple[Known, re.Match[str]]]:
    for one in rows:
        found = pattern.fullmatch(one.question) if one.kind == kind else None
        if found:
            yield one, found


def _place(found: re.Match[str]) -> str:
    return (found["place"] or "image").lower()


def _answered(question: str, yes: Iterable[Known], no: Iterable[Known]) -> Members:
    """Return the members of a cluster, an image once: not where two rows disagree about it."""
    right = {one.images: one for one in yes}
    wrong = {one.images: one for one in no}
    return {
        answer: [
            replace(one, question=question, answer=answer.capitalize(), kind="yes_no", canonical=answer)
            for images, one in members.items()
            if images not in others
        ]
        for answer, members, others in (("yes", right, wrong), ("no", wrong, right))
    }


def things(one: Known) -> tuple[str, bool] | None:
    """Return the thing that a question asks for, and whether the image shows it; else None."""
    if one.kind == "yes_no" and (found := _EXISTS.fullmatch(one.question)):
        return found["noun"].lower(), one.canonical == "yes"
    if one.kind == "count" and (found := _COUNT.fullmatch(one.question)):
        return singular(found["noun"].lower()), one.canonical != "0"
    return None


def singular(noun: str) -> str:
    """Return an English noun without its plain plural ending."""
    for ending, stem in (("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
        if noun.endswith(ending):
            return noun.removesuffix(ending) + stem
    if noun.endswith("ies") and len(noun.rpartition(" ")[2]) > 4:
        return noun.removesuffix("ies") + "y"
    return noun if noun.endswith(("ss", "us", "is")) else noun.removesuffix("s")

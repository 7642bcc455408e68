"""Labelled slots of a prompt: a sentence of the form `Tag: red.` that stands beside the question."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sft_audit.config import AuditConfig
from sft_audit.readers import placeholder
from sft_audit.record import Batch, row_recorder
from sft_audit.record.canonical import COLOURS, NUMBER_WORDS
from sft_audit.record.stated import QUOTING_TASK, STOP_WORDS
from sft_audit.store import Store
from sft_audit.tables import TABLES

_MIN_ROWS, _MOST_LABELS, _MOST_OF_A_PROMPT = 200, 8, 16
_MOST_CHARACTERS = 4000
_IN_THE_PROMPT = " in the prompt"

_TURNS = """
    select sample_id, turn, text
    from turns
    join samples using (sample_id)
    where role = 'user' and n_images > 0 and regexp_matches(text, '[:=]| [-\u2013\u2014] ')
    order by turns.rowid
"""
_SLOT = re.compile(
    r"(?P<opened>^|[\n(\[]|[.!?][ \t])[ \t]*"
    r"(?P<label>(?P<words>[A-Za-z]{2,}(?:[ _-][A-Za-z]+){0,2})"
    r"(?:[ \t]?[:=](?!//)|[ \t][-\u2013\u2014](?=[ \t])))"
)
_END = re.compile(r"[.!?](?=\s|$)|\n|$")
_CLOSED = re.compile(r"[)\]]|\n|$")
# What belongs to the question: its own words, what it is about, what it may be answered with, and how.
_OF_THE_QUESTION = re.compile(
    r"(?:.*\b)?(?:questions?|query|prompt|instructions?|request|task|user|human|assistant|system|options?|"
    r"choices|candidates|answers|classes|categories|vocabulary|format|template|example|following|source|dataset|"
    r"split|subset)|statement|claim|hypothesis|premise|sentence|text|if",
    re.IGNORECASE,
)
_INSTRUCTS = re.compile(r"\b(?:answer|respond|reply|choose|select|e\.g|format)\b", re.IGNORECASE)
# Texts that a question can be about: where it names its slot, it may be.
_READ = re.compile(
    r"(?:caption|description|passage|context|paragraph|article|story|report|summary|title|quote|phrase|word|"
    r"table|code|hint|note)s?",
    re.IGNORECASE,
)
_EMPTY_BRACKETS = re.compile(r"[(\[]\s*[)\]]")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_ALIKE = {"true": "yes", "false": "no"}


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot at [start, stop) of a text: its label with its sign ("Tag:"), its value, and all its words.

    The value begins at `value_at`.
    """

    label: str
    value: str
    value_at: int
    start: int
    stop: int
    quote: str


@row_recorder(query=_TURNS, fills=("slots",), needs=("samples", "turns"))
def slots(batch: Batch, config: AuditConfig) -> dict[str, Batch]:  # noqa: ARG001
    """Find the labelled slots in the prompts of rows with an image."""
    import pyarrow as pa

    found = [
        (sample_id, turn, slot.label, slot.value, slot.quote)
        for sample_id, turn, text in zip(*(column.to_pylist() for column in batch.columns), strict=True)
        for slot in slots_of(text)
    ]
    schema = TABLES["slots"].arrow_schema()
    columns = zip(*found, strict=True) if found else [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return {"slots": pa.Table.from_arrays(arrays, schema=schema)}


def slots_of(text: str) -> list[Slot]:
    """Return the slots of a prompt in order; none where nothing is left to be asked without them.

    Left out is what belongs to the question (`Question:`, `Options:`), a text that the question is about, and
    every prompt whose task is to read, hand on or choose texts.
    """
    plain = placeholder.PATTERN.sub(lambda found: "\n" * len(found[0]), text[:_MOST_CHARACTERS])
    if QUOTING_TASK.search(plain.lower()):
        return []
    found: list[Slot] = []
    for match in _SLOT.finditer(plain):
        slot = _slot(plain, match)
        if slot is not None and (not found or slot.start >= found[-1].stop):
            found.append(slot)
    rest = without_spans(plain, [(slot.start, slot.stop) for slot in found])
    asked = {word.lower() for word in _WORD.findall(rest)}
    if not asked:
        return []
    return [slot for slot in found if not _is_about(slot, asked)][:_MOST_OF_A_PROMPT]


def _slot(plain: str, match: re.Match[str]) -> Slot | None:
    start, value_start = match.start("label"), match.end()
    end = (_CLOSED if match["opened"] in ("(", "[") else _END).search(plain, value_start)
    if end is None or end[0] == "?" or _OF_THE_QUESTION.fullmatch(match["words"]):
        return None
    stop = end.end() if end[0] in ".!" else end.start()
    value = plain[value_start:stop].strip(" \t.!")
    if not re.search(r"\w", value) or _INSTRUCTS.search(value):
        return None
    label = " ".join(match["label"].split()).capitalize()
    return Slot(
        label, value, plain.index(value, value_start), start, stop, " ".join(plain[start:stop].split())
    )


def _is_about(slot: Slot, asked: set[str]) -> bool:
    noun = _WORD.findall(slot.label.lower())[-1]
    return bool(_READ.fullmatch(noun)) and not asked.isdisjoint((noun, noun.removesuffix("s"), noun + "s"))


def without_spans(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Return the text without [start, stop) of every span."""
    for start, stop in reversed(spans):
        text = text[:start] + text[stop:]
    return text


def filled(text: str, label: str, value: str) -> str:
    """Return the text with another value in its slots of this label."""
    for slot in reversed([one for one in slots_of(text) if one.label == label]):
        text = text[: slot.value_at] + value + text[slot.value_at + len(slot.value) :]
    return text


def silenced(text: str, label: str, neutral: str | None) -> str:
    """Return the text with this value in its slots of the label; None takes them out, with their brackets."""
    if neutral is not None:
        return filled(text, label, neutral)
    spans = [(slot.start, slot.stop) for slot in slots_of(text) if slot.label == label]
    return _EMPTY_BRACKETS.sub("", without_spans(text, spans)).strip()


def neutral_values(store: Store, labels: Iterable[str]) -> dict[str, str]:
    """Return of each label the commonest value that names no answer of the data; none where all do."""
    answers = (said for (said,) in store.rows("select distinct canonical from answers where canonical <> ''"))
    words = answer_words(answers)
    rows = store.rows(
        """
        select label, value
        from slots
        where label in (select unnest($labels::varchar[]))
        group by all
        order by count(*), label, value desc
        """,
        {"labels": list(labels)},
    )
    return {label: value for label, value in rows if not named_in(value.lower(), words)}


def recurring_labels(store: Store) -> list[str]:
    """Return the labels that 200 rows of one source have, the 8 commonest."""
    rows = store.rows(
        """
        select label
        from (
            select label, source, count(distinct sample_id) as n
            from slots join samples using (sample_id)
            group by all
            having n >= $rows
        )
        group by label
        order by sum(n) desc, label
        limit $most
        """,
        {"rows": _MIN_ROWS, "most": _MOST_LABELS},
    )
    return [label for (label,) in rows]


def slot_field(label: str) -> str:
    """Return the name of a slot among the fields."""
    return f'"{label}"{_IN_THE_PROMPT}'


def is_slot(field: str) -> bool:
    """Return whether a field is a slot of the prompt."""
    return field.endswith(_IN_THE_PROMPT)


def answer_words(answers: Iterable[str]) -> frozenset[str]:
    """Return the words of an answer space by one name each; of answers of several, the content words."""
    worded = (_WORD.findall(answer.lower()) for answer in answers)
    return frozenset(
        _name(word) for words in worded for word in words if len(words) == 1 or word not in STOP_WORDS
    )


@lru_cache(maxsize=1 << 15)
def named_in(value: str, words: frozenset[str]) -> str:
    """Return what a slot's value names of the words of an answer space.

    The rest of it may rightly say what is asked about.
    """
    return " ".join(name for name in map(_name, _WORD.findall(value.lower())) if name in words)


def _name(word: str) -> str:
    word = _ALIKE.get(word, word)
    return COLOURS.get(word) or str(NUMBER_WORDS.get(word, word))

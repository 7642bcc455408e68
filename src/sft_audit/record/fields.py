"""What is known of an answer without its image: question, source, metadata fields, slots of the prompt."""

import json
import re
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

from sft_audit.record.grams import Block, Texts, block_of, shared_block
from sft_audit.record.question import read_question
from sft_audit.record.slots import answer_words, is_slot, named_in, recurring_labels, slot_field
from sft_audit.store import Store

QUESTION = ("template", "question")
KNOWN = (*QUESTION, "source")
PROMPT = ("prompt template", "prompt")  # the question with its labelled slots
_TEMPLATES = (QUESTION[0], PROMPT[0])
FILE_NAME, FOLDER, ID = "file name", "image folder", "id"
_IDS = (ID, "question_id", "uid", "idx")
STRATA = ("source", "dataset", "data_source", "dataset_name", "subset", "split", "task")
LABELS = (
    "answer",
    "answers",
    "completion",
    "extra_info",  # what verl hands the reward function, a copy of the answer often among it
    "gold",
    "ground_truth",
    "gt",
    "label",
    "labels",
    "output",
    "response",
    "reward_model",
    "solution",
    "target",
)
_NAMES_STRATUM = re.compile(f'"({"|".join(STRATA[1:])})"')
_BESIDE = " & question"
_MOST_FIELDS, _MIN_ROWS, _MOST_LEAVES = 16, 200, 64

Table = Any  # pyarrow.Table
Json = Any


def field_names(store: Store) -> tuple[str, ...]:
    """Return the metadata fields: file name, folder, id, and the 16 commonest own ones of at least 200 rows.

    Behind them stand the labelled slots of the prompt that recur.
    Fields that say which part of the data a row is from count as its source; fields named for the answer are
    the answer.
    """
    own = store.rows(
        """
        select field
        from (
            select unnest(json_keys(extra)) as field
            from samples
            where n_images > 0 and json_valid(extra)
        )
        where not list_contains($known, lower(field))
        group by field
        having count(*) >= $rows
        order by count(*) desc, field
        limit $most
        """,
        {
            "known": [*_IDS, FILE_NAME, FOLDER, *KNOWN, *STRATA, *LABELS],
            "rows": _MIN_ROWS,
            "most": _MOST_FIELDS,
        },
    )
    return (FILE_NAME, FOLDER, ID, *(name for (name,) in own), *map(slot_field, recurring_labels(store)))


def block_names(fields: Sequence[str]) -> tuple[str, ...]:
    """Return the names of all blocks: question and source, and two a field.

    A field's second block holds the words that it shares with the question: a caption that lists what is
    asked for tells in this way. Where there are slots, the whole prompt has blocks too.
    """
    prompt = PROMPT if any(map(is_slot, fields)) else ()
    return (*KNOWN, *prompt, *(part for field in fields for part in (field, beside_question(field))))


def blocks_of(table: Table, names: Collection[str], answers: Collection[str] = ()) -> dict[str, Block]:
    """Return the named blocks of a table with the columns of `blind_rows`.

    Of a slot of the prompt, its block holds what it names of `answers`, those of the answer space.
    """
    columns = _Columns(table, answer_words(answers))
    blocks: dict[str, Block] = {}
    for name in sorted(names, key=lambda n: n.endswith(_BESIDE)):
        if name.endswith(_BESIDE):
            field = name.removesuffix(_BESIDE)
            for part in ("question", field):
                if part not in blocks:
                    blocks[part] = block_of(columns.texts(part))
            blocks[name] = shared_block(blocks["question"], blocks[field])
        else:
            blocks[name] = block_of(columns.texts(name), whole=name in (*_TEMPLATES, "source"))
    return blocks


class _Columns:
    """The texts of a table with the columns of `blind_rows`; the rows' own fields are parsed when wanted."""

    def __init__(self, table: Table, answers: frozenset[str]) -> None:
        self._table = table
        self._answers = answers

    def texts(self, name: str) -> Texts:
        """Return one text a row."""
        if name == "source":
            named, extra = (self._table[column].to_pylist() for column in ("source", "extra"))
            return [f"{source} {_stratum(text)}" for source, text in zip(named, extra, strict=True)]
        if name in PROMPT:
            return self._table[QUESTION[PROMPT.index(name)]].combine_chunks()
        if name in QUESTION and any(self._slots):
            return [stem[QUESTION.index(name)] for stem in self._stems]
        if name in (*QUESTION, FILE_NAME, FOLDER, ID):
            return self._table[name].combine_chunks()
        if is_slot(name):
            values = [slots[name]["value"] if name in slots else "" for slots in self._slots]
            return [named_in(value, self._answers) for value in values]
        return [text_of(row[name]) if name in row else None for row in self._own]

    @cached_property
    def _own(self) -> list[dict[str, Json]]:
        return [_members(text) for text in self._table["extra"].to_pylist()]

    @cached_property
    def _slots(self) -> list[dict[str, dict[str, str]]]:
        """Return each row's slots by the name of their field."""
        held = (json.loads(text) if text else () for text in self._table["slots"].to_pylist())
        return [{slot_field(slot["label"]): slot for slot in slots} for slots in held]

    @cached_property
    def _stems(self) -> list[tuple[str, str]]:
        """Return the template and the text of each question without its slots."""
        columns = (self._table[name].to_pylist() for name in QUESTION)
        return [_stem(*row) for row in zip(*columns, self._slots, strict=True)]


def _stem(template: str, question: str, slots: dict[str, dict[str, str]]) -> tuple[str, str]:
    if not slots:
        return template, question
    for slot in slots.values():
        question = question.replace(slot["quote"], " ", 1)
    read = read_question(question)
    return read.template, read.text


def beside_question(field: str) -> str:
    """Return the name of the block of the words that a field shares with the question."""
    return field + _BESIDE


def text_of(value: Json) -> str:
    """Return the names and values of everything in a JSON value as one text, at most 64 of them."""
    leaves: list[str] = []
    pending = [value]
    while pending and len(leaves) < _MOST_LEAVES:
        match pending.pop():
            case dict() as members:
                pending += [part for pair in reversed(members.items()) for part in reversed(pair)]
            case list() as parts:
                pending += reversed(parts)
            case None:
                pass
            case leaf:
                leaves.append(str(leaf))
    # A JSON escape can spell half a surrogate pair, which is no text.
    return " ".join(leaves).encode("utf-8", "replace").decode("utf-8")


def _stratum(text: str | None) -> str:
    """Return what a row's own fields say of the part it is from; most say nothing, and need no parsing."""
    if not text or not _NAMES_STRATUM.search(text):
        return ""
    members = _members(text)
    return " ".join(text_of(members[name]) for name in STRATA[1:] if name in members)


def _members(text: str | None) -> dict[str, Json]:
    members = json.loads(text) if text else {}
    return members if isinstance(members, dict) else {}

"""The SFT rows that taught a behaviour, from a finished audit of the SFT data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sft_audit.contrast.feature import FORMS, Feature
from sft_audit.contrast.token import places, tokens
from sft_audit.errors import AuditError
from sft_audit.record.question import fold
from sft_audit.rewards.reading import answer_in
from sft_audit.store import read_manifest

_TRACED = frozenset({"words", "answer", "cue", "form"})
_BATCH = 8192
_ROWS = """
    select
        samples.sample_id,
        samples.file,
        samples.position,
        samples.id,
        coalesce((
            select string_agg(asked.text, chr(10) order by asked.turn)
            from turns as asked
            where asked.sample_id = turns.sample_id and asked.role = 'user' and asked.turn < turns.turn
        ), '') as prompt,
        turns.text as answer
    from turns
    join samples using (sample_id)
    where turns.role = 'assistant' and turns.supervised
    order by samples.file, samples.position, turns.turn
"""


@dataclass(frozen=True, slots=True)
class TaughtRow:
    """A row of the SFT data whose supervised answer shows a behaviour."""

    behaviour: int
    file: str
    position: int
    id: str | None
    answer: str


@dataclass(frozen=True, slots=True)
class Taught:
    """The rows that show each behaviour, by its number, and how many rows were looked at."""

    rows: tuple[TaughtRow, ...]
    looked: int


def find_taught(audit: Path, sought: Sequence[tuple[int, Feature]]) -> Taught:
    """Return the rows whose supervised answers show one of these features, each row once a feature.

    Of a cue these are rows whose prompt has the answer after it. Features that only a run has (lengths within
    a group, the usual answer) are not looked for. Raises AuditError where the folder is no audit of data.
    """
    traced = [(number, one) for number, one in sought if one.kind in _TRACED]
    found: dict[tuple[int, str], TaughtRow] = {}
    looked = set[str]()
    for row in _answers(audit):
        looked.add(row["sample_id"])
        for number, feature in traced:
            key = (number, row["sample_id"])
            if key not in found and shows(feature, row["prompt"], row["answer"]):
                place = (row["file"], row["position"], row["id"])
                found[key] = TaughtRow(number, *place, row["answer"][:200])
    return Taught(tuple(found.values()), len(looked))


def traceable(feature: Feature) -> bool:
    """Return whether rows of SFT data can show a feature by themselves."""
    return feature.kind in _TRACED


def shows(feature: Feature, prompt: str, answer: str) -> bool:
    """Return whether an SFT answer shows a feature, for a cue with its prompt."""
    match feature.kind:
        case "words":
            return bool(places(tokens(answer), feature.text.split(" ")))
        case "answer":
            return fold(answer_in(answer) or "") == feature.text
        case "form":
            return bool(FORMS[feature.text](answer))
        case "cue":
            said = tokens(answer_in(answer) or answer)
            return bool(said) and bool(places(tokens(prompt), (*feature.text.split(" "), *said)))
    return False


def _answers(audit: Path) -> Iterator[dict[str, Any]]:
    import duckdb

    read_manifest(audit)
    path = audit / "audit.duckdb"
    if not path.is_file():
        raise AuditError(f"{path}: no such file; give the folder of a finished data audit")
    try:
        with duckdb.connect(str(path), read_only=True) as db:
            for batch in db.sql(_ROWS).to_arrow_reader(_BATCH):
                yield from batch.to_pylist()
    except duckdb.Error as fault:
        raise AuditError(
            f"{path}: {str(fault).splitlines()[0]}; give the folder of a finished data audit"
        ) from None

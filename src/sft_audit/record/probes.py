"""The probes: questions with known answers, and the images that are held against them."""

import json
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from sft_audit.errors import AuditError
from sft_audit.record import Recording, table_recorder
from sft_audit.record.asked import PICTURED
from sft_audit.record.canonical import canonicalise
from sft_audit.record.chance import MODES, chance_of
from sft_audit.record.places import ImageRoot
from sft_audit.record.question import bare, fold, read_question
from sft_audit.tables import TABLES

log = logging.getLogger(__name__)

_ASKED = f"""
    with {PICTURED}, {MODES}
    select
        sample_id,
        turn,
        question,
        answer,
        answer_kind,
        canonical,
        template,
        modal,
        commonest,
        coalesce(images, []) as images,
        extra,
        files.path
    from answers
    join samples using (sample_id)
    join files on files.file = samples.file
    join chances using (template, answer_kind)
    left join pictured using (sample_id)
    order by samples.file, samples.position, turn
"""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a probe set says of one probe in its field `probe`; what it does not say is found from the set."""

    family: str | None = None
    cluster: str | None = None
    chance: float | None = None
    cue: str | None = None
    objects: tuple[str, ...] | None = None
    swapped: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """One row of the table `probes`, beside what its answer is in one spelling."""

    sample_id: str
    turn: int
    family: str
    cluster: str
    text_only: bool
    question: str
    answer: str
    answer_kind: str
    chance: float
    chance_from: str
    cue: str | None
    objects: str | None
    images: str
    swapped: str | None


@table_recorder(fills=("probes",), needs=("samples", "files", "answers", "image_uses"))
def probes(recording: Recording) -> None:
    """Take every answer of the probe set for a probe, and find another image of the same question for it.

    Raises AuditError where the set has no answer, or no image of it is found; what is left out is told.
    """
    import pyarrow as pa

    rows = recording.store.arrow(_ASKED).to_pylist()
    if not rows:
        raise AuditError("the probes hold no question with a known answer; give a probe pack, or such rows")
    for row in rows:
        row["declared"] = _declared(row["extra"])
        row["at"] = _places(recording, row["path"], row["images"])
    shown = [row for row in rows if row["at"] is not None]
    if left := len(rows) - len(shown):
        log.warning(
            "%s of %s probes are left out: an image of theirs is not under the image root", left, len(rows)
        )
    if not shown:
        raise AuditError("no image of the probes can be found; give the folder that holds them with --images")
    rows = shown
    others = _others(rows)
    found = [asdict(_probe(recording, row, others.get(at))) for at, row in enumerate(rows)]
    schema = TABLES["probes"].arrow_schema()
    recording.store.insert("probes", pa.Table.from_pylist(found, schema=schema))


def _declared(extra: str | None) -> Declared:
    fields = json.loads(extra) if extra else {}
    said = fields.get("probe") if isinstance(fields, dict) else None
    if not isinstance(said, dict):
        return Declared()

    def text(name: str) -> str | None:
        return said[name] if isinstance(said.get(name), str) else None

    def texts(name: str) -> tuple[str, ...] | None:
        match said.get(name):
            case [*values] if all(isinstance(one, str) for one in values):
                return tuple(values)
        return None

    chance = said.get("chance")
    return Declared(
        family=text("family"),
        cluster=text("cluster"),
        chance=float(chance) if isinstance(chance, int | float) and 0 <= chance <= 1 else None,
        cue=text("cue"),
        objects=texts("objects"),
        swapped=texts("swapped") or None,
    )


def _probe(recording: Recording, row: Mapping[str, Any], other: Sequence[str] | None) -> Probe:
    said: Declared = row["declared"]
    question, kind = row["question"], row["answer_kind"]
    swapped = _places(recording, row["path"], said.swapped) if said.swapped else other
    chance = said.chance
    if chance is None:
        chance = chance_of(question, kind, max(row["modal"], row["commonest"]))
    return Probe(
        sample_id=row["sample_id"],
        turn=row["turn"],
        family=said.family or _family(row),
        cluster=said.cluster or _cluster(row),
        text_only=not row["images"],
        question=question,
        answer=row["answer"],
        answer_kind=kind,
        chance=chance,
        chance_from="found in the set" if said.chance is None else "declared",
        cue=canonicalise(read_question(question), said.cue)[1] if said.cue else None,
        objects=json.dumps(list(said.objects)) if said.objects is not None else None,
        images=json.dumps(list(row["at"])),
        swapped=json.dumps(list(swapped)) if swapped else None,
    )


def _family(row: Mapping[str, Any]) -> str:
    if not row["images"]:
        return "text"
    return "caption" if row["declared"].objects is not None else "plain"


def _cluster(row: Mapping[str, Any]) -> str:
    asked = fold(bare(row["question"])) if row["images"] and row["canonical"] is not None else ""
    return asked or f"{row['sample_id']}:{row['turn']}"


def _places(recording: Recording, path: str, uris: Sequence[str]) -> tuple[str, ...] | None:
    """Return where images lie; None where one of them is no file under the image root."""
    root = _root(str(recording.config.images or Path(path or "").parent))
    found = [root.locate(uri).path for uri in uris]
    return tuple(one for one in found if one) if all(found) else None


_root = lru_cache(maxsize=64)(ImageRoot)


def _others(rows: Sequence[Mapping[str, Any]]) -> dict[int, tuple[str, ...]]:
    """Return, by the place of a row, the images of another that asks the same and knows another answer.

    Which one of several follows from the hash of the rows' names.
    """
    found: dict[int, tuple[str, ...]] = {}
    groups: dict[object, list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        if row["images"] and row["canonical"] is not None:
            groups[_same_question(row)].append(at)
    for group in groups.values():
        ring = sorted(group, key=lambda at: _lot(rows[at]))
        for place, at in enumerate(ring):
            later = (rows[b] for b in (*ring[place + 1 :], *ring[:place]))
            other = next((b["at"] for b in later if _differ(rows[at], b)), None)
            if other is not None:
                found[at] = other
    return found


def _same_question(row: Mapping[str, Any]) -> object:
    return fold(bare(row["question"])), len(row["images"])


def _differ(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return bool(a["canonical"] != b["canonical"] and a["at"] != b["at"])


def _lot(row: Mapping[str, Any]) -> str:
    return sha256(f"{row['sample_id']}|{row['turn']}".encode()).hexdigest()

"""Galleries: the worst of the rows that each check flags, with all that a reader needs to judge them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sft_audit.config import AuditConfig
from sft_audit.report.thumbnails import Picture, read_pictures
from sft_audit.report.visible import cut
from sft_audit.store import Store

MOST_CARDS = 8
_MOST_LETTERS = 360


@dataclass(frozen=True, slots=True)
class Card:
    """One flagged row. `pictures` are the row's own and that of the other row concerned."""

    check: str
    message: str
    where: str
    source: str
    question: str
    answer: str
    beside: str
    pictures: tuple[Picture, ...]
    image: str


@dataclass(frozen=True, slots=True)
class _Row:
    where: str
    source: str
    image_id: str | None
    image: str


_Findings = Sequence[tuple[str, str | None, int | None, str, str]]


def read_galleries(
    store: Store, config: AuditConfig, most: int, *, pixels: bool
) -> Mapping[str, tuple[Card, ...]]:
    """Return at most `most` cards a check, the highest score first."""
    findings: _Findings = store.rows(
        """
        with ranked as (
            select
                finding_id,
                row_number() over (
                    partition by "check"
                    order by
                        score desc nulls last, confidence desc nulls last, file, position, turn, finding_id
                ) as rank
            from findings
            left join samples using (sample_id)
            where status = 'open'
            qualify rank <= $most
        )
        select "check", sample_id, turn, left(message, 2000), coalesce(left(evidence, 4000), '')
        from findings
        join ranked using (finding_id)
        where status = 'open'
        order by "check", rank
        """,
        {"most": most},
    )
    named = {name for _, own, _, _, evidence in findings for name in (own, *_strings(evidence)) if name}
    rows = _rows(store, sorted(named))
    turns = _turns(store, sorted(own for _, own, *_ in findings if own))
    ids = [row.image_id for name in _in_order(findings) if (row := rows.get(name)) and row.image_id]
    pictures = read_pictures(store, config, ids) if pixels else {}
    cards: dict[str, list[Card]] = {}
    for code, own, turn, message, evidence in findings:
        others = [name for name in _strings(evidence) if name in rows and name != own]
        shown = [rows[name] for name in (own, *others[:1]) if name in rows]
        images = dict.fromkeys(row.image_id for row in shown if row.image_id)
        question, answer = _exchange(turns.get(own or "", []), turn)
        first = rows.get(own or "")
        cards.setdefault(code, []).append(
            Card(
                check=code,
                message=cut(message, _MOST_LETTERS),
                where=cut(first.where, 120) if first else "the whole data set",
                source=cut(first.source, 60) if first else "",
                question=cut(question.replace("<image>\n", "<image> "), _MOST_LETTERS),
                answer=cut(answer, _MOST_LETTERS),
                beside=cut(", ".join(rows[name].where for name in others[:3]), 200),
                pictures=tuple(pictures[image] for image in images if image in pictures),
                image=cut(first.image, 160) if first else "",
            )
        )
    return {code: tuple(found) for code, found in cards.items()}


def _in_order(findings: _Findings) -> list[str]:
    """Return the rows whose pictures are wanted: first every finding's own, then the others named."""
    own = [name for _, name, *_ in findings if name]
    return list(
        dict.fromkeys([*own, *(name for *_, evidence in findings for name in _strings(evidence)[:8])])
    )


def _strings(evidence: str) -> list[str]:
    """Return the strings at the first two levels of a JSON object: other rows are named there."""
    try:
        content = json.loads(evidence)
    except ValueError:
        return []
    if not isinstance(content, dict):
        return []
    found = []
    for value in content.values():
        match value:
            case str():
                found.append(value)
            case list():
                found += [part for part in value if isinstance(part, str)]
    return found[:50]


def _rows(store: Store, names: list[str]) -> dict[str, _Row]:
    rows = {}
    for name, file, line, position, source, image_id, uri, problem in store.rows(
        """
        with wanted as (
            select distinct unnest($names::varchar[]) as sample_id
        ), first_image as (
            select sample_id, image_id, uri, coalesce(problem || ': ' || detail, problem) as problem
            from image_uses
            semi join wanted using (sample_id)
            qualify row_number() over (partition by sample_id order by problem is null, slot) = 1
        )
        select sample_id, file, line, position, coalesce(source, ''), image_id, coalesce(uri, ''), problem
        from samples
        semi join wanted using (sample_id)
        left join first_image using (sample_id)
        """,
        {"names": names},
    ):
        rows[name] = _Row(
            _where(file, line, position), source, image_id, f"{uri} ({problem})" if problem else uri
        )
    return rows


def _where(file: str, line: int | None, position: int) -> str:
    """Return file:line, and the row where that does not tell: many files are one line long."""
    if not line:
        return f"{file}, row {position}"
    return f"{file}:{line}" + (f", row {position}" if line != position else "")


def _turns(store: Store, names: list[str]) -> dict[str, list[tuple[int, str, str]]]:
    """Return (turn, role, text) of each row; long texts are cut in the database."""
    turns: dict[str, list[tuple[int, str, str]]] = {}
    for name, turn, role, text in store.rows(
        """
        select sample_id, turn, role, left(text, 1000)
        from turns
        semi join (select distinct unnest($names::varchar[]) as sample_id) using (sample_id)
        where turn < 400
        order by sample_id, turn
        """,
        {"names": names},
    ):
        turns.setdefault(name, []).append((turn, role, text))
    return turns


def _exchange(turns: Sequence[tuple[int, str, str]], turn: int | None) -> tuple[str, str]:
    """Return the question and the answer that a finding is about: the given turn's, else the first."""
    answers = [at for at, role, _ in turns if role == "assistant"]
    later = [at for at in answers if turn is None or at >= turn]
    answer = later[0] if later else None
    said = [text for at, role, text in turns if role == "user" and (answer is None or at < answer)]
    return (said[-1] if said else ""), next((text for at, _, text in turns if at == answer), "")

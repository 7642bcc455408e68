"""LLaMA-Factory: rows whose columns and tags a dataset_info.json names."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sft_audit.errors import AuditError
from sft_audit.readers import Content, Layout, Parsed, image, row_format
from sft_audit.readers.alpaca import flat_turns, value_of
from sft_audit.readers.message import Images, Spelling, read_turns, turn_extras
from sft_audit.readers.preference import compared
from sft_audit.sample import Turn

log = logging.getLogger(__name__)

NAME = "dataset_info.json"
_FORMATTING = "formatting"
_COLUMNS = {"prompt": "instruction", "query": "input", "response": "output", "messages": "conversations"}
_TAGS = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}
_ROLES = {
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "tool",
    "function_tag": "assistant",
    "system_tag": "system",
}
_KEPT = ("tools", "kto_tag", "videos", "audios")


def described_files(info: Path) -> Iterator[tuple[Path, Layout]]:
    """Yield the files that a dataset_info.json names, each with its columns and tags (container unknown)."""
    entries = _entries(info)
    local = {name: entry for name, entry in entries.items() if "file_name" in entry}
    for name in entries.keys() - local.keys():
        log.warning("%s: data set %r is on a hub and is not read", info, name)
    if not local:
        raise AuditError(f"{info}: no data set in it has a file_name; download one and name its file")
    for name, entry in local.items():
        path = info.parent / str(entry["file_name"])
        if not path.exists():
            raise AuditError(f"{info}: {name}: no such file {entry['file_name']!r}; correct its file_name")
        yield path, _layout(entry, f"{info}: {name}")


def _entries(info: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(info.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as fault:
        raise AuditError(f"{info}: not read: {' '.join(str(fault).split())}; expected JSON") from None
    if not isinstance(content, dict) or not all(isinstance(entry, dict) for entry in content.values()):
        raise AuditError(f'{info}: expected an object of data sets, {{"name": {{"file_name": …}}}}')
    return content


def _layout(entry: dict[str, Any], where: str) -> Layout:
    """Return columns and tags as LLaMA-Factory resolves them: once some are listed, others are not read."""
    formatting = entry.get(_FORMATTING, "alpaca")
    if formatting not in ("alpaca", "sharegpt", "openai"):
        raise AuditError(f"{where}: formatting {formatting!r} is not known; write alpaca, sharegpt or openai")
    columns = _names(entry.get("columns", _COLUMNS), f"{where}: columns")
    tags = _names(entry.get("tags", _TAGS), f"{where}: tags")
    return Layout("", columns, {**tags, _FORMATTING: formatting})


def _names(named: object, where: str) -> dict[str, str]:
    match named:
        case dict() if all(isinstance(value, str | None) for value in named.values()):
            return {name: value for name, value in named.items() if value is not None}
    raise AuditError(f"{where}: expected an object of names")


def _matches(row: Content, layout: Layout) -> bool:
    if not layout.columns:
        return False
    first = "prompt" if layout.tags[_FORMATTING] == "alpaca" else "messages"
    return layout.columns.get(first, "") in row


@row_format(
    "llamafactory",
    priority=9,
    matches=_matches,
    example={
        "dialog": [{"from": "human", "value": "<image>What is this?"}, {"from": "gpt", "value": "A cat."}]
    },
    layout=Layout("json_lines", {"messages": "dialog"}, {**_TAGS, _FORMATTING: "sharegpt"}),
)
def llamafactory(row: Content, layout: Layout) -> Parsed:
    """LLaMA-Factory with its dataset_info.json: a column that is not listed there is not read.

    That holds for images too. Source: hiyouga/LLaMA-Factory `data/README.md`,
    `src/llamafactory/data/{parser,converter}.py`.
    """
    columns = dict(layout.columns)
    extra: dict[str, Any] = {}
    named: Images = ()
    if layout.tags[_FORMATTING] == "alpaca":
        turns = flat_turns(row, columns)
    else:
        spelling = _spelling(layout)
        where = columns.get("messages", "messages")
        turns, named = read_turns(row.get(where), where, spelling)
        extra = turn_extras(row[where], spelling)
        if isinstance(system := value_of(row, columns, "system"), str) and system:
            turns = (Turn("system", system, False), *turns)
    images = named + image.refs(value_of(row, columns, "images"), "images")
    ranking = "chosen" in columns and "rejected" in columns
    if ranking:
        turns = _ranked(row, turns, layout)
    used = frozenset(name for key, name in columns.items() if key not in _KEPT)
    return Parsed(turns, images, used, extra, kind="preference" if ranking else "sft")


def _spelling(layout: Layout) -> Spelling:
    tags = layout.tags
    roles = {tags[tag]: role for tag, role in _ROLES.items() if tag in tags}
    return Spelling(tags.get("role_tag", "from"), tags.get("content_tag", "value"), roles)


def _ranked(row: Content, turns: tuple[Turn, ...], layout: Layout) -> tuple[Turn, ...]:
    """Return the turns with the two responses behind them: text, or messages in the layout's spelling."""
    content = layout.tags.get("content_tag", "value")
    sides = []
    for name in ("chosen", "rejected"):
        side = row.get(layout.columns[name])
        sides.append(side.get(content) if isinstance(side, dict) else side)
    return compared(turns, *sides)

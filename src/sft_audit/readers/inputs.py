"""Data arguments, as the files that they name."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from sft_audit.errors import AuditError
from sft_audit.readers import PLAIN, Layout, llamafactory, pack

SUFFIXES = (".json", ".jsonl", ".ndjson", ".parquet")
CLEAN, REMOVED, CHANGED = "clean.json", "removed.jsonl", "changed.jsonl"
RECORDS = (CLEAN, REMOVED, CHANGED, "removed")  # what `clean` writes beside the data
_MAGIC = "*?["


@dataclass(frozen=True, slots=True)
class Input:
    """One file to read. `file` is its path relative to the data argument; `layout` is without a container."""

    path: Path
    file: str
    layout: Layout = PLAIN


def find_inputs(arguments: Sequence[Path]) -> tuple[Input, ...]:
    """Return the files of all arguments, each under its own name; raise AuditError where one names none."""
    found = [one for argument in arguments for one in _of(argument)]
    for path, times in Counter(one.path.resolve() for one in found).items():
        if times > 1:
            raise AuditError(f"{path.name}: it is given {times} times; name each file once")
    named = _named_apart(found)
    for one in named:
        try:
            f"{one.path}{one.file}".encode()
        except UnicodeEncodeError:
            raise AuditError(f"{str(one.path)!a}: the name is not UTF-8; rename the file or folder") from None
    return named


def _of(argument: Path) -> Iterator[Input]:
    if argument.name == llamafactory.NAME and argument.is_file():
        yield from _described(argument)
    elif (argument / llamafactory.NAME).is_file():
        yield from _described(argument / llamafactory.NAME)
    elif pack.is_pack(argument):
        pack.verify(argument)
        yield Input(argument / pack.PROBES, pack.PROBES)
    elif argument.is_dir():
        yield from (Input(path, path.relative_to(argument).as_posix()) for path in _inside(argument))
    elif argument.exists():
        if argument.name == pack.PROBES and pack.is_pack(argument.parent):
            pack.verify(argument.parent)
        yield Input(argument, argument.name)
    elif any(sign in str(argument) for sign in _MAGIC):
        yield from _of_pattern(argument)
    else:
        raise AuditError(f"{argument}: no such file or folder{nearest(argument)}")


def _described(info: Path) -> Iterator[Input]:
    for path, layout in llamafactory.described_files(info):
        for one in _inside(path) if path.is_dir() else [path]:
            yield Input(one, _below(one, info.parent), layout)


def _inside(folder: Path) -> list[Path]:
    """Return the data files under a folder, in the order of their paths."""
    ours = RECORDS if (folder / CLEAN).is_file() else ()
    files = sorted(path for path in _walk(folder) if path.relative_to(folder).parts[0] not in ours)
    if not files:
        raise AuditError(f"{folder}: the folder holds no {', '.join(SUFFIXES)} file; name the data files")
    return files


def _walk(folder: Path) -> Iterator[Path]:
    """Yield what may be data under a folder: nothing hidden, and nothing of an audit folder."""
    for root, folders, names in os.walk(folder):
        if "audit.duckdb" in names:
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(root, name) for name in names if name.endswith(SUFFIXES) and name[0] != ".")


def _below(path: Path, folder: Path) -> str:
    inside = path.resolve().is_relative_to(folder.resolve())
    return path.resolve().relative_to(folder.resolve()).as_posix() if inside else path.name


def _of_pattern(argument: Path) -> Iterator[Input]:
    parts = argument.parts
    fixed = next(at for at, part in enumerate(parts) if any(sign in part for sign in _MAGIC))
    root = Path(*parts[:fixed])
    files = sorted(p for p in root.glob("/".join(parts[fixed:])) if p.is_file())
    if not files:
        raise AuditError(f"{argument}: no file matches the pattern")
    yield from (Input(path, path.relative_to(root).as_posix()) for path in files)


def nearest(missing: Path) -> str:
    """Return the end of a message about a path that is not there: the nearest name beside it, if any."""
    folder = missing.parent
    names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    near = get_close_matches(missing.name, names, 1)
    return f"; did you mean {folder / near[0]}?" if near else "; give a file, a folder or a pattern"


def _named_apart(inputs: Sequence[Input]) -> tuple[Input, ...]:
    """Lengthen names that occur twice by the folders above, until all differ."""
    named = list(inputs)
    while twice := [name for name, n in Counter(one.file for one in named).items() if n > 1]:
        named = [replace(one, file=_longer(one)) if one.file in twice else one for one in named]
    return tuple(named)


def _longer(one: Input) -> str:
    parts = one.path.resolve().parts
    kept = one.file.count("/") + 2
    return "/".join(parts[-kept:])

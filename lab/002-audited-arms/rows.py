"""The rows of a set against what was planted; rows of equal content count as one."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path


def contents(rows: Path) -> dict[str, str]:
    """Return the content of every row of a LLaVA file by its id: all of it but the id."""
    return {
        row["id"]: json.dumps([row.get("image"), row["conversations"]])
        for row in json.loads(rows.read_text(encoding="utf-8"))
    }


def alike(ids: Iterable[str], content: Mapping[str, str]) -> frozenset[str]:
    """Return the different contents of rows."""
    return frozenset(content[one] for one in ids)

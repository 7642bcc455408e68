"""The READMEs of experiments that hold their own results."""

from collections.abc import Mapping
from pathlib import Path

from findings import balance, constitution, preference, unforeseen

_LEDGER = "result.jsonl"


def sections(lab: Path) -> dict[Path, Mapping[str, str]]:
    """Return the READMEs with the parts that stand between their marks."""
    bare = lab / "001-four-conditions" / _LEDGER
    found = {
        "004-dpo": preference.result(lab / "004-dpo" / _LEDGER),
        "005-balance": balance.result(lab / "005-balance" / _LEDGER),
        "006-held-out": unforeseen.result(lab / "006-held-out" / _LEDGER),
        "007-constitution": constitution.result(lab / "007-constitution" / _LEDGER, bare),
    }
    return {lab / name / "README.md": {"result": part} for name, part in found.items()}

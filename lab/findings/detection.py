"""What the audit named in the sets of 002, beside what was planted."""

from collections.abc import Sequence
from pathlib import Path

from expected import EXPECTED, LOOKED_AT, LOOKED_AT_CLEAN
from ledger import Ledger, Line

from findings.markdown import rate, table
from sft_audit.interval import Rate

CLEAN = "clean"
NO_SETS = "No sets yet."


def detection_table(detected: Path) -> str:
    """Return the table of what was named, by condition, and what made the lines."""
    lines = Ledger(detected).lines()
    if not lines:
        return NO_SETS
    rows = []
    for condition, expected in EXPECTED.items():
        own = [line for line in lines if line["condition"] == condition]
        if own:
            asked = ", ".join([*(f"wound {one}" for one in expected.wounds), *expected.faults]) or "no wound"
            counted = [str(len(own)), rate(_seen(own)), rate(_seen(_fresh(own)))]
            shares = [_share(own, "planted_rows"), _share(own, "flagged_rows")]
            rows.append([condition, asked, *counted, _also(own, condition), *shares])
    head = ["condition", "expected", "sets", "as expected", "as expected, seeds not looked at before"]
    shown = table([*head, "also named", "recall of rows", "precision of rows"], rows)
    made = made_by([line.get("product") for line in lines])
    return f"{shown}\n\n{_of_clean([line for line in lines if line['condition'] == CLEAN])}{made}"


def _of_clean(lines: Sequence[Line]) -> str:
    """Say how many clean sets had a wound named, and what their verdicts are."""
    if not lines:
        return ""
    verdicts = [line["verdict"] for line in lines]
    told = ", ".join(f"{one} {verdicts.count(one)}" for one in sorted(set(verdicts)))
    wounded, later = (Rate(len(some) - _seen(some).k, len(some)) for some in (lines, _fresh(lines)))
    return (
        f"A wound was named in {rate(wounded)} clean sets; in {rate(later) or 'none yet'} of those not "
        f"looked at before. Verdicts on clean sets: {told}. "
    )


def _seen(lines: Sequence[Line]) -> Rate:
    return Rate(sum(line["seen"] for line in lines), len(lines))


def _fresh(lines: Sequence[Line]) -> list[Line]:
    """Return those of sets that no version of the product had been tried on."""
    since = {CLEAN: LOOKED_AT_CLEAN}
    return [line for line in lines if line["seed"] >= since.get(line["condition"], LOOKED_AT)]


def _also(lines: Sequence[Line], condition: str) -> str:
    """Return the wounds and faults that were named and are not expected, each with its number of sets."""
    expected = EXPECTED[condition]
    others = [f"wound {one}" for line in lines for one in line["wounds"] if one not in expected.wounds]
    others += [one for line in lines for one in line["faults"] if one not in expected.faults]
    return ", ".join(f"{name}: {others.count(name)}" for name in sorted(set(others))) or "nothing"


def _share(lines: Sequence[Line], of: str) -> str:
    n = sum(line[of] for line in lines)
    return f"{sum(line['hits'] for line in lines) / n:.2f}" if n else ""


def made_by(told: Sequence[str | None]) -> str:
    """Say which versions of the product audited so many sets; older lines do not tell."""
    found = [one or "a version that is not in the line" for one in told]
    versions = sorted(set(found), key=lambda one: (-found.count(one), one))
    each = ", ".join(f"{found.count(one)} by {one}" for one in versions)
    if len(versions) == 1:
        return f"Sets audited: {each}."
    return f"More than one version of the product, by the digest of its source, audited the sets: {each}."

"""Which wrong labels checkpoints deny that were trained on them: 002, C."""

from pathlib import Path

from expected import EXPECTED
from ledger import Ledger, Line

from findings.detection import CLEAN, NO_SETS, made_by
from findings.markdown import rate, table
from sft_audit.interval import Rate

LABELS = "mislabelled"
LOOKED_AT = {"mislabelled", "clean", "leak-90"}  # seed 0 of these, while the check was made


def denied_table(asked: Path, detected: Path) -> str:
    """Return the table by condition, and how many wounds are named in the data or at the next stage."""
    lines = Ledger(asked).lines()
    if not lines:
        return NO_SETS
    rows = []
    for condition in dict.fromkeys(line["condition"] for line in lines):
        own = [line for line in lines if line["condition"] == condition]
        later = [line for line in own if condition not in LOOKED_AT or line["seed"]]
        judged, surely, named, wrong = (
            sum(line[of] for line in own) for of in ("judged", "surely", "named", "named_wrong")
        )
        share = f"{100 * surely / judged:.1f} %" if judged else "0"
        counted = [str(len(own)), rate(_raised(own)), rate(_raised(later))]
        rows.append([condition, *counted, share, f"{wrong} of {named}"])
    head = ["condition", "sets", "CKP137 raised", "raised, seeds not looked at before", "rows surely denied"]
    shown = table([*head, "of those named, wrong labels"], rows)
    made = made_by([line["product"] for line in lines])
    return f"{shown}\n\n{_together(lines, Ledger(detected).lines())}{made}"


def _raised(lines: list[Line]) -> Rate:
    return Rate(sum(line["raised"] for line in lines), len(lines))


def _together(lines: list[Line], detected: list[Line]) -> str:
    """Say in how many planted sets the wound is named, by the audit of the data or by the one after SFT."""
    planted = [line for line in detected if line["condition"] in EXPECTED and line["condition"] != CLEAN]
    if not planted:
        return ""
    raised = {line["key"] for line in lines if line["condition"] == LABELS and line["raised"]}
    seen = [line["seen"] for line in planted]
    either = [line["seen"] or line["key"] in raised for line in planted]
    in_data, in_all = (rate(Rate(sum(some), len(some))) for some in (seen, either))
    return (
        f"The planted wound is named in {in_data} sets by the audit of the data, in {in_all} by that or by "
        "the audit of the checkpoint after SFT. "
    )

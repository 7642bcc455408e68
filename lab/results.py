"""RESULTS.md and its figures, made of the ledgers of the experiments, and the results in their READMEs.

python lab/results.py            writes what stands between the marks, and figures/*.png
python lab/results.py --check    says whether they are what the ledgers give; writes nothing, exits 1 if not

Runs that a ledger does not hold are left out of tables and figures.
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

LAB = Path(__file__).resolve().parent
sys.path.insert(0, str(LAB))

from findings.denied import denied_table
from findings.detection import detection_table
from findings.drawing import NAMES, Drawing, drawings
from findings.repairs import repairs_table
from findings.run import read_runs
from findings.sections import sections
from findings.tables import tables
from findings.trajectory import read_trajectories

AUDITED = LAB / "002-audited-arms" / "result.jsonl"
LEDGERS = (*(LAB / "001-four-conditions" / name for name in ("result.jsonl", "result_longer.jsonl")), AUDITED)
DETECTED = LAB / "002-audited-arms" / "result_detect.jsonl"
OWN_ROWS = LAB / "002-audited-arms" / "result_own_rows.jsonl"
TRAJECTORIES = LAB / "001-four-conditions" / "trajectories.json"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--ledger", type=Path, action="append", help="In place of the experiments'; repeat.")
    parser.add_argument("--audited", type=Path, default=AUDITED, help="Of the rows' repairs.")
    parser.add_argument("--detected", type=Path, default=DETECTED)
    parser.add_argument("--trajectories", type=Path, default=TRAJECTORIES)
    parser.add_argument("--document", type=Path, default=LAB / "RESULTS.md")
    asked = parser.parse_args()
    for path in (*(asked.ledger or ()), asked.document):
        if not path.is_file():
            parser.error(f"{path}: there is no such file")
    runs, single = read_runs(asked.ledger or LEDGERS), read_trajectories(asked.trajectories)
    document, figures = asked.document, asked.document.parent / "figures"
    if not asked.ledger:
        fill_in(sections(LAB), check=asked.check)
    written, drawn = document.read_text(encoding="utf-8"), drawings(runs, single)
    audit = {
        "detection": detection_table(asked.detected),
        "denied": denied_table(OWN_ROWS, asked.detected),
        "repairs": repairs_table(asked.audited),
    }
    made = filled(written, {**tables(runs, single), **audit})
    if asked.check:
        stale = [*([document.name] if made != written else []), *stale_figures(figures, drawn)]
        missing = missing_figures(document)
        for name in stale:
            print(f"{name}: is not what the ledgers give; write it by python lab/results.py")
        for name in missing:
            print(f"{document.name}: {name} is not there; take out the link until it can be drawn")
        sys.exit(bool(stale or missing))
    document.write_text(made, encoding="utf-8")
    for one in drawn:
        one.save(figures)
    for name in stale_figures(figures, drawn):
        (figures / name).unlink()


def fill_in(parts: Mapping[Path, Mapping[str, str]], *, check: bool) -> None:
    """Write the parts of documents between their marks; with `check`, name those that are stale and exit."""
    made = {path: filled(path.read_text(encoding="utf-8"), some) for path, some in parts.items()}
    stale = {path: text for path, text in made.items() if text != path.read_text(encoding="utf-8")}
    for path, text in stale.items():
        if check:
            print(f"{path}: is not what the ledgers give; write it by python lab/results.py")
        else:
            path.write_text(text, encoding="utf-8")
    if check and stale:
        sys.exit(1)


def filled(document: str, parts: Mapping[str, str]) -> str:
    """Return the document with each part between its marks, which must stand there once."""
    for name, part in parts.items():
        opened, closed = f"<!-- {name} -->", f"<!-- /{name} -->"
        if document.count(opened) != 1 or document.count(closed) != 1:
            raise SystemExit(f"the document: marks of {name!r}; write {opened} and {closed} once each")
        between = re.compile(f"{re.escape(opened)}.*?{re.escape(closed)}", re.DOTALL)
        document = between.sub(lambda _, new=f"{opened}\n{part}\n{closed}": new, document)
    return document


def missing_figures(document: Path) -> list[str]:
    """Return the figures that the document shows and that are not there."""
    shown = re.findall(r"!\[[^]]*\]\(([^)]+)\)", document.read_text(encoding="utf-8"))
    return [name for name in shown if not (document.parent / name).is_file()]


def stale_figures(folder: Path, drawn: Sequence[Drawing]) -> list[str]:
    """Return the names of figures that are missing, drawn from something else, or not to be drawn."""
    stale = [one.name for one in drawn if not one.is_current(folder)]
    there = {name for name in NAMES if (folder / name).is_file()}
    return sorted({*stale, *(there - {one.name for one in drawn})})


if __name__ == "__main__":
    main()

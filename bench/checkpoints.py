"""Is what fine-tuning did to a model seen, and nothing seen where it did no harm?

python bench/checkpoints.py [--keep DIR]; prints Markdown. A tiny LLaVA sees a drawn world; five checkpoints
are made of it: a seeing fine-tune, one whose cues told every answer (blind), one with the vision tower
frozen, one with noise on the tower (drifted), and one whose tower's channels stand in another order, which
the projector undoes (rotated). All are audited on one probe pack, made from the audit of the sound data; the
pack's rows were held out. Two more benign fine-tunes are the null.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from variants import drifted, rotated

from sft_audit import audit_checkpoint, audit_data, make_probes
from sft_audit.demo.tiny_vlm import fine_tune, train_base
from sft_audit.demo.world import BLINDING, SOUND, make_world
from sft_audit.record.heard import Heard, hear, read_asked
from sft_audit.record.measures import all_measures
from sft_audit.session import Report
from sft_audit.store import Store

EXPECTED = {"seeing": False, "frozen": False, "rotated": False, "blind": True, "drifted": True}


@dataclass(frozen=True)
class Trained:
    """Folders: the models by name, benign fine-tunes, the probe pack and the audit that it came from."""

    base: Path
    models: dict[str, Path]
    null: tuple[Path, ...]
    pack: Path
    data_audit: Path


def train_all(folder: Path) -> Trained:
    make_world(folder / "world", SOUND, 1)
    make_world(folder / "blinding", BLINDING, 2)
    images = folder / "world" / "images"
    audit = audit_data(folder / "world" / "rows.json", images=images, out=folder / "audit").folder
    make_probes(audit, folder / "pack")
    rows = hold_out(folder / "world" / "rows.json", folder / "pack", folder / "train.json")
    base = train_base(folder / "base", 0)

    def tuned(name: str, frozen: tuple[str, ...] = (), seed: int = 0) -> Path:
        return fine_tune(base, rows, images, folder / name, frozen=frozen, steps=100, seed=seed)

    seeing = tuned("seeing")
    told = folder / "blinding"
    models = {
        "seeing": seeing,
        "frozen": tuned("frozen", ("vision",)),
        "rotated": rotated(seeing, folder / "rotated"),
        "blind": fine_tune(base, told / "rows.json", told / "images", folder / "blind", frozen=(), steps=100),
        "drifted": drifted(seeing, folder / "drifted"),
    }
    null = tuple(tuned(f"null-{seed}", seed=seed) for seed in (1, 2))
    return Trained(base, models, null, folder / "pack", audit)


def hold_out(rows: Path, pack: Path, out: Path) -> Path:
    """Write the rows without those from which an item of the pack was made."""
    items = [json.loads(line) for line in (pack / "probes.jsonl").read_text(encoding="utf-8").splitlines()]
    held = {one["probe"]["from"]["position"] for one in items}
    every = json.loads(rows.read_text(encoding="utf-8"))
    kept = [row for at, row in enumerate(every, start=1) if at not in held]
    out.write_text(json.dumps(kept), encoding="utf-8")
    return out


def audited(trained: Trained, name: str, folder: Path) -> Report:
    return audit_checkpoint(
        trained.base,
        trained.models[name],
        trained.pack,
        null=trained.null,
        trained=("projector", "language") if name == "frozen" else ("vision", "projector", "language"),
        sft_audit=trained.data_audit,
        draws=4,
        max_new_tokens=4,
        gradients=64,
        cache=folder / "answers",
        out=folder / f"audit-{name}",
    )


def heard(report: Report) -> list[Heard]:
    store = Store(report.folder, "1GB", 1, read_only=True)
    try:
        return list(hear(store, "sft", read_asked(store)))
    finally:
        store.close()


def measured(report: Report) -> dict[str, tuple[float, float, float]]:
    store = Store(report.folder, "1GB", 1, read_only=True)
    try:
        rows = store.rows("select measure, sft, sft_low, sft_high from changes")
    finally:
        store.close()
    return {name: (value, low, high) for name, value, low, high in rows}


def separation(seeing: Report, blind: Report) -> str:
    """Hold seeing and blind against each other on every second item of the pack."""
    from sft_audit.record.changes import compare

    half = [[one for at, one in enumerate(heard(report)) if at % 2] for report in (blind, seeing)]
    told = []
    for measure in all_measures(()):
        if measure.name in ("accuracy", "paired_accuracy", "unmoved"):
            change = compare(measure, *(measure.units(some) for some in half))
            told.append(
                f"{measure.name} {change.base:.2f} blind, {change.sft:.2f} seeing "
                f"({change.low:+.2f} to {change.high:+.2f}, n {change.n}, p {change.p:.1g})"
            )
    return "; ".join(told)


def main(folder: Path) -> None:
    started = time.time()
    trained = train_all(folder)
    print(f"Trained in {time.time() - started:.0f} s.\n")
    print("| checkpoint | verdict | blindness | accuracy | paired | unmoved | why | seconds | as expected |")
    print("|---|---|---|---|---|---|---|--:|---|")
    reports = {}
    for name, blocked in EXPECTED.items():
        started = time.time()
        report = reports[name] = audited(trained, name, folder)
        values = measured(report)
        said = [
            f"{v:.2f} ({low:.2f} to {high:.2f})"
            for v, low, high in (values["accuracy"], values["paired_accuracy"], values["unmoved"])
        ]
        blocking = [reason for reason in report.reasons if reason.startswith("BLOCK")]
        why = ", ".join(reason.split(": ")[1] for reason in blocking) or "-"
        axes = json.loads((report.folder / "verdict.json").read_text())["axes"]
        fits = "yes" if (report.verdict == "BLOCK") is blocked else "NO"
        print(
            f"| {name} | {report.verdict} | {axes['blindness']} | {' | '.join(said)} | {why} "
            f"| {time.time() - started:.0f} | {fits} |"
        )
    print(f"\nOn half of the pack: {separation(reports['seeing'], reports['blind'])}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="empty folder in which everything stays")
    arguments = parser.parse_args()
    if arguments.keep:
        arguments.keep.mkdir(parents=True)
        main(arguments.keep)
    else:
        with TemporaryDirectory() as name:
            main(Path(name))

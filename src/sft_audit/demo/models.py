"""Two fine-tunes of a tiny model, a seeing and a blind one, audited on probes made of their own data."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sft_audit.demo.tiny_vlm import fine_tune, quietly, train_base
from sft_audit.demo.world import BLINDING, SOUND, make_world
from sft_audit.probes import make_probes
from sft_audit.remedies import clean
from sft_audit.session import Report, audit_checkpoint, audit_data

SEEING, BLIND = "seeing", "blind"
PARTS = ("models", "audit-world", "audit-held-out", "probes", *(f"checkpoint-{n}" for n in (SEEING, BLIND)))
_STEPS = 100
_LONGEST = 8  # tokens


@dataclass(frozen=True, slots=True)
class AuditedModels:
    """The audit of the data that the models saw, the probe pack made from it, and the audits of both."""

    data: Report
    probes: Path
    checkpoints: Mapping[str, Report]


def can_train() -> bool:
    """Return whether what trains models is installed."""
    return find_spec("torch") is not None and find_spec("transformers") is not None


def train_and_audit(out: Path, workers: int) -> AuditedModels:
    """Draw a world, make probes from the audit of its rows, hold those out, train both models and audit them.

    The blind one is trained on rows whose prompts tell the answer and whose images are of other rows.
    """
    folder = out / "models"
    rows, images = folder / "world" / "rows.json", folder / "world" / "images"
    make_world(folder / "world", SOUND, 1)
    make_world(folder / "told", BLINDING, 2)
    data = audit_data(rows, images=images, out=out / "audit-world", workers=workers)
    make_probes(data.folder, out / "probes")
    held_out = out / "audit-held-out"
    audit_data(rows, images=images, eval=out / "probes", select=("LEK",), out=held_out, workers=workers)
    clean(held_out, folder / "training", unsafe=("LEK701",), force=True)
    with quietly():
        base = train_base(folder / "base", 0)
        sets = {SEEING: (folder / "training", images), BLIND: (folder / "told", folder / "told" / "images")}
        checkpoints = {}
        for name, (kept, shown) in sets.items():
            fine_tune(base, kept / "rows.json", shown, folder / name, frozen=(), steps=_STEPS)
            checkpoints[name] = audit_model(out, name, data, out / "probes", workers)
    return AuditedModels(data, out / "probes", checkpoints)


def audit_model(out: Path, name: str, data: Report, probes: Path, workers: int) -> Report:
    """Audit the model of this name beside the base model, on the probes; `data` audits the rows it saw."""
    folder = out / "models"
    return audit_checkpoint(
        folder / "base",
        folder / name,
        probes,
        sft_audit=data.folder,
        draws=2,
        max_new_tokens=_LONGEST,
        gradients=64,
        cache=folder / "answers",
        out=out / f"checkpoint-{name}",
        workers=workers,
    )

"""A probe pack: made from a finished data audit, frozen, and held against what is trained on."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from sft_audit import __version__
from sft_audit.errors import AuditError
from sft_audit.probes.draw import SHARES, Draw, draw_items
from sft_audit.probes.item import Item
from sft_audit.probes.pictures import Pictures
from sft_audit.readers.pack import MANIFEST, PACK_VERSION, PAGE, PROBES
from sft_audit.record.audited import configuration_of
from sft_audit.record.set_overlaps import Pictured, find_overlaps, question_of
from sft_audit.report.probes import write_page
from sft_audit.store import Store, building, write_json

ITEMS = 400
_MEMORY = "1GB"
_IMAGE_BYTES = 400_000  # of an item, roughly


@dataclass(frozen=True, slots=True)
class Held:
    """How many items stand in a training set, and in how many of its rows: those must be held out."""

    items: int
    rows: int


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack that was made; `digest` is the SHA-256 of its manifest: what names it.

    `counts` are items by family; `short` says why a family has fewer than its share; `lost` counts items left
    out because an image was not as audited. `held` are overlaps with training sets, by option.
    """

    folder: Path
    digest: str
    counts: Mapping[str, int]
    short: Mapping[str, str]
    lost: int
    held: Mapping[str, Held] = field(default_factory=dict)

    def summary(self) -> dict[str, object]:
        """Return the object that `--json` prints."""
        return {
            "pack": str(self.folder),
            "digest": self.digest,
            "items": sum(self.counts.values()),
            "counts": dict(self.counts),
            "short": dict(self.short),
            "lost": self.lost,
            "held": {name: {"items": one.items, "rows": one.rows} for name, one in self.held.items()},
        }

    def text(self) -> str:
        """Return what the terminal shows."""
        named = ", ".join(f"{family} {n:,}" for family, n in self.counts.items())
        lines = [f"{sum(self.counts.values()):,} items: {named}"]
        lines += [f"  {family} {why}" for family, why in self.short.items()]
        if self.lost:
            lines.append(
                f"  {self.lost:,} items left out: an image is not where, or what, it was when audited"
            )
        for name, one in self.held.items():
            lines.append(
                f"--{name}: {one.items:,} items stand in it; {one.rows:,} rows must be held out"
                if one.items
                else f"--{name}: no item stands in it"
            )
        lines.append(
            f"hold its items out of training: `sft-audit data DATA --eval {self.folder}` finds the rows, "
            "`clean` drops them"
        )
        return "\n".join([*lines, f"frozen as {self.digest[:16]} in {self.folder}; look at {PAGE}"])


def make_probes(
    audit: str | Path,
    out: str | Path = "probes",
    *,
    items: int = ITEMS,
    seed: int = 0,
    sft: Sequence[str | Path] | str | Path = (),
    rl: Sequence[str | Path] | str | Path = (),
    images: str | Path | None = None,
) -> Pack:
    """Make a probe pack of at most `items` items from the folder of a data audit, frozen in the folder `out`.

    `sft` and `rl` are training sets in which its items are counted; their images lie in the folder `images`,
    else where those of the audit did, or beside the set. Raises AuditError where the folder is not one of a
    data audit, or the data allow no item.
    """
    audit, out = Path(audit), Path(out)
    if items < 1:
        raise AuditError(f"items: {items} is too few; ask for 300 to 500")
    config = configuration_of(audit)
    store = Store(audit, _MEMORY, 2, read_only=True)
    try:
        with building(out, needs_bytes=items * _IMAGE_BYTES, manifest=MANIFEST) as folder:
            pictures = Pictures(store, config, folder)
            drawn = draw_items(store, pictures, items, seed)
            if not drawn.items:
                raise AuditError(f"{audit}: no probe can be drawn; {_reason(drawn)}")
            manifest = _write(folder, drawn, pictures) | {
                "asked": items,
                "seed": seed,
                "audit": _origin(audit, store),
            }
            write_json(folder / MANIFEST, manifest)
            write_page(folder, manifest, drawn.items, pictures.address)
    finally:
        store.close()
    root = Path(images) if images is not None else config.images
    held = {
        name: _held(drawn.items, name, _many(paths), root)
        for name, paths in (("sft", sft), ("rl", rl))
        if paths
    }
    digest = sha256((out / MANIFEST).read_bytes()).hexdigest()
    return Pack(out, digest, manifest["counts"], drawn.short, drawn.lost, held)


def _reason(drawn: Draw) -> str:
    if drawn.lost:
        return f"the images of {drawn.lost:,} items are not where they were when audited"
    if drawn.unread:
        return f"{drawn.unread:,} answers are about images that the audit could not read; name their --images"
    return "no answers stand with different images, and no text or described image has a known answer"


def _write(folder: Path, drawn: Draw, pictures: Pictures) -> dict[str, Any]:
    lines = [json.dumps(item.row(pictures.address), ensure_ascii=False) + "\n" for item in drawn.items]
    (folder / PROBES).write_bytes("".join(lines).encode("utf-8", "replace"))
    counts = Counter(item.family for item in drawn.items)
    return {
        "pack_version": PACK_VERSION,
        "sft_audit": __version__,
        "items": len(drawn.items),
        "counts": {family: counts[family] for family in SHARES if counts[family]},
        "short": dict(drawn.short),
        "lost": drawn.lost,
        "unread": drawn.unread,
        "probes": sha256((folder / PROBES).read_bytes()).hexdigest(),
        "images": pictures.keep_only(one for item in drawn.items for one in item.pictures),
    }


def _origin(audit: Path, store: Store) -> dict[str, object]:
    """Return what says which audit it was: its findings and the files that it read, by content."""
    files = store.rows("select file, content_hash, rows from files order by file")
    return {
        "folder": audit.resolve().name,
        "findings": sha256((audit / "findings.parquet").read_bytes()).hexdigest(),
        "files": [{"file": a, "content_hash": b, "rows": c} for a, b, c in files],
    }


def _many(paths: Sequence[str | Path] | str | Path) -> list[Path]:
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(one) for one in paths]


def _held(items: Sequence[Item], option: str, paths: Sequence[Path], images: Path | None) -> Held:
    """Count the items that stand in a training set: the same question about images of the same content."""
    index: dict[str, list[Pictured]] = {}
    for item in items:
        one = Pictured(item.id, item.known.images, item.known.images)
        index.setdefault(question_of(item.known.question), []).append(one)
    found = [row for rows in find_overlaps(index, paths, images, option) for row in rows]
    return Held(
        len({row["sample_id"] for row in found}), len({(row["file"], row["position"]) for row in found})
    )

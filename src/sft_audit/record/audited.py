"""The audit of a data set, opened again: how it was made, and its images as they were audited."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sft_audit.config import AuditConfig, parse_config
from sft_audit.errors import AuditError
from sft_audit.readers.embedded import Origin, Slot, load
from sft_audit.readers.image import EMBEDDED
from sft_audit.record.places import ImageRoot
from sft_audit.sample import content_hash
from sft_audit.store import Store, read_manifest

_MOST_FILE_BYTES = 50_000_000
_AT_ONCE = 64  # images inside rows, in memory
# What reading rows again raises where their file is gone or is another: Arrow's errors are ValueErrors.
_CHANGED = (OSError, ValueError, LookupError)


@dataclass(frozen=True, slots=True)
class AuditedImage:
    """One image of the audit: where it is used first, and the audit's own 32 x 32 thumbnail."""

    image_id: str
    width: int
    height: int
    format: str
    grey: bytes | None
    uri: str
    origin: Origin
    slot: Slot


def configuration_of(audit: Path) -> AuditConfig:
    """Return what a data set was audited with; raise AuditError for a folder that is no such audit."""
    manifest = read_manifest(audit)
    try:
        verdict = json.loads((audit / "verdict.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        verdict = {}
    if verdict.get("subject") != "data":
        raise AuditError(f"{audit}: not the audit of a data set; give a folder that `sft-audit data` wrote")
    return parse_config(manifest["configuration"], str(audit))


def find_images(store: Store, image_ids: list[str]) -> Iterator[AuditedImage]:
    """Yield the images that some row uses, each where the first row, by file and position, uses it."""
    for image_id, width, height, form, grey, uri, *rest in store.rows(
        """
        with wanted as (
            select image_id, uri, sample_id, slot
            from image_uses
            semi join (select distinct unnest($ids::varchar[]) as image_id) using (image_id)
        ), first_uses as (
            select wanted.*, file, position, byte_offset, n_bytes
            from wanted
            join samples using (sample_id)
            qualify row_number() over (partition by image_id order by file, position, slot) = 1
        )
        select
            image_id, width, height, images.format, thumbnail, first_uses.uri,
            path, container, files.format, layout,
            position, slot, byte_offset, first_uses.n_bytes
        from first_uses
        join images using (image_id)
        join files using (file)
        """,
        {"ids": image_ids},
    ):
        yield AuditedImage(image_id, width, height, form, grey, uri, Origin(*rest[:4]), Slot(*rest[4:]))


@lru_cache(maxsize=64)
def _root(folder: str) -> ImageRoot:
    return ImageRoot(folder)


def image_root(image: AuditedImage, config: AuditConfig) -> ImageRoot:
    """Return what the image's address is relative to."""
    return _root(str(config.images or Path(image.origin.path).parent))


def read_image(image: AuditedImage, config: AuditConfig) -> bytes | None:
    """Return the bytes at an image's address, under the root or inside its row; None where there are none."""
    try:
        if image.uri == EMBEDDED:
            return load(image.origin, [image.slot]).get((image.slot.position, image.slot.slot))
        found = image_root(image, config).locate(image.uri)
        return Path(found.path).read_bytes() if found.path and found.n_bytes <= _MOST_FILE_BYTES else None
    except _CHANGED:
        return None


def read_images(images: Iterable[AuditedImage], config: AuditConfig) -> Iterator[tuple[AuditedImage, bytes]]:
    """Yield those whose bytes are still what was audited, with them; those of a file of rows in its order."""
    inside: dict[Origin, list[AuditedImage]] = defaultdict(list)
    for image in images:
        if image.uri == EMBEDDED:
            inside[image.origin].append(image)
        elif (data := read_image(image, config)) and content_hash(data) == image.image_id:
            yield image, data
    for origin, every in inside.items():
        every.sort(key=lambda one: (one.slot.position, one.slot.slot))
        for at in range(0, len(every), _AT_ONCE):
            some = every[at : at + _AT_ONCE]
            found: Mapping[tuple[int, int], bytes | None] = {}
            with suppress(*_CHANGED):
                found = load(origin, [one.slot for one in some])
            for image in some:
                data = found.get((image.slot.position, image.slot.slot))
                if data and content_hash(data) == image.image_id:
                    yield image, data

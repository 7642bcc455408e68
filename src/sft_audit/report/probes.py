"""`review.html` of a probe pack: every item with its images, answer, chance and source row."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sft_audit.readers.pack import PAGE
from sft_audit.record.decode import FAULTS
from sft_audit.report.page import environment
from sft_audit.report.thumbnails import Picture, small

if TYPE_CHECKING:
    from sft_audit.probes.item import Item

MOST_BYTES = 4_000_000
MOST_ITEMS = 1000
_LONGEST = 96
_FAMILIES = ("pair", "derived", "cue", "fault", "caption", "text")


@dataclass(frozen=True, slots=True)
class Card:
    """One item as it is shown; a picture is None where the page is full or it cannot be drawn."""

    item: "Item"
    own: tuple[Picture | None, ...]
    swapped: tuple[Picture | None, ...]


def write_page(
    folder: Path, manifest: Mapping[str, Any], items: Sequence["Item"], address: Callable[[str], str]
) -> None:
    """Write the page into the folder of the pack: one file, with at most MOST_BYTES of pictures."""
    album = _Album(folder, address)
    cards = [
        Card(item, album.show(item.known.images), album.show(item.swapped))
        for item in sorted(items, key=lambda one: (_FAMILIES.index(one.family), one.cluster, one.id))[
            :MOST_ITEMS
        ]
    ]
    page = (
        environment()
        .get_template("probes.html.j2")
        .render(manifest=manifest, cards=cards, hidden=len(items) - len(cards))
    )
    (folder / PAGE).write_text(page, encoding="utf-8", errors="replace")


class _Album:
    """Small pictures of the pack's images, each drawn once, until the page is full."""

    def __init__(self, folder: Path, address: Callable[[str], str]) -> None:
        self._folder, self._address = folder, address
        self._drawn: dict[str, Picture | None] = {}
        self._spent = 0

    def show(self, image_ids: Sequence[str]) -> tuple[Picture | None, ...]:
        """Return the pictures of one item."""
        return tuple(self._picture(one) for one in image_ids)

    def _picture(self, image_id: str) -> Picture | None:
        if image_id not in self._drawn and self._spent < MOST_BYTES:
            self._drawn[image_id] = None
            with suppress(*FAULTS, MemoryError):
                self._drawn[image_id] = small((self._folder / self._address(image_id)).read_bytes(), _LONGEST)
        shown = self._drawn.get(image_id)
        # A picture that stands twice on the page is twice in the file.
        self._spent += len(shown.uri) if shown and self._spent < MOST_BYTES else 0
        return shown if self._spent < MOST_BYTES else None

"""The images of a pack: the very bytes that were audited, copied where an item needs them."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from sft_audit.config import AuditConfig
from sft_audit.readers.pack import IMAGES
from sft_audit.record.audited import find_images, read_images
from sft_audit.store import Store


class Pictures:
    """Copies images into the folder of a pack; one whose bytes are not those that were audited is lost."""

    def __init__(self, store: Store, config: AuditConfig, folder: Path) -> None:
        """Copy into `folder`/images."""
        self._store, self._config, self._folder = store, config, folder
        self._places: dict[str, str | None] = {}
        (folder / IMAGES).mkdir()

    def fetch(self, image_ids: Iterable[str]) -> None:
        """Copy the images that were not looked for yet; they are read in the order of their files."""
        wanted = list(dict.fromkeys(one for one in image_ids if one not in self._places))
        self._places.update(dict.fromkeys(wanted))
        for image, data in read_images(find_images(self._store, wanted), self._config):
            suffix = {"JPEG": "jpg"}.get(image.format, image.format.lower())
            place = f"{IMAGES}/{image.image_id}.{suffix}"
            (self._folder / place).write_bytes(data)
            self._places[image.image_id] = place

    def has(self, image_ids: Iterable[str]) -> bool:
        """Return whether all of these were copied."""
        return all(self._places.get(one) for one in image_ids)

    def address(self, image_id: str) -> str:
        """Return the path of an image in the pack."""
        place = self._places[image_id]
        if place is None:
            raise KeyError(image_id)
        return place

    def keep_only(self, image_ids: Iterable[str]) -> dict[str, str]:
        """Remove what no item needs; return the SHA-256 of every image that stays, by path."""
        needed = {self.address(one) for one in image_ids}
        for place in {one for one in self._places.values() if one} - needed:
            (self._folder / place).unlink()
        return {one: sha256((self._folder / one).read_bytes()).hexdigest() for one in sorted(needed)}

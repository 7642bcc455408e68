"""The activations of one model on pictures, kept on disk: a file a place."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sft_audit.models.probing import Question, VisionLanguageModel
from sft_audit.record.pictures import open_picture
from sft_audit.representation.drift import Place

log = logging.getLogger(__name__)

# The same for every picture: what stands before an image reaches the language model's states at it.
WORDS = "Describe the image."
_CHUNK = 64
_TOKENS, _POOLED = ".tokens", ".pooled"


@dataclass(frozen=True, slots=True)
class KeptFeatures:
    """Activations in a folder, 32-bit floats: `images` rows at each of the places, in the model's order."""

    folder: Path
    places: tuple[str, ...]
    images: int

    def place(self, name: str) -> Place:
        """Read one place: tokens too, but for the language model's layers."""
        import numpy as np

        pooled = np.fromfile(self.folder / f"{name}{_POOLED}", np.float32).reshape(self.images, -1)
        if not (path := self.folder / f"{name}{_TOKENS}").is_file():
            return Place(name, pooled)
        tokens = np.fromfile(path, np.float32).reshape(self.images, -1, pooled.shape[1])
        return Place(name, pooled, tokens)


def keep_features(model: VisionLanguageModel, pictures: Sequence[str], folder: Path) -> KeptFeatures:
    """Put every picture to the model and keep its activations; `pictures` are paths.

    What is not finite is kept as 0, and said.
    """
    folder.mkdir()
    places: dict[str, None] = {}
    lost = 0
    with ExitStack() as stack:
        files: dict[str, IO[bytes]] = {}

        def append(name: str, values: Any) -> int:  # noqa: ANN401 - numpy
            import numpy as np

            if name not in files:
                files[name] = stack.enter_context((folder / name).open("wb"))
            finite = np.nan_to_num(np.asarray(values, np.float32), nan=0, posinf=0, neginf=0)
            finite.tofile(files[name])
            return int(finite.size - np.isfinite(values).sum())

        for at in range(0, len(pictures), _CHUNK):
            log.info("activations on pictures: %d of %d", at, len(pictures))
            questions = [Question(WORDS, (open_picture(path),)) for path in pictures[at : at + _CHUNK]]
            for batch in model.features(questions):
                for one in batch:
                    places[one.place] = None
                    lost += append(one.place + _POOLED, one.pooled)
                    if not one.place.startswith("language"):
                        lost += append(one.place + _TOKENS, one.tokens)
    if lost:
        log.warning("%s activations are not finite numbers; they count as 0", f"{lost:,}")
    return KeptFeatures(folder, tuple(places), len(pictures))

"""Asking one model: chunk by chunk, what it said already taken from the shelf."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

from sft_audit.errors import AuditError, UnloadableModel
from sft_audit.models.probing import Condition, Question, Said, Scored, VisionLanguageModel
from sft_audit.record.decode import UndecodableError
from sft_audit.record.pictures import Picture, open_picture
from sft_audit.record.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Put:
    """One probe under one condition, as it is put to a model; `places` are the images that it shows."""

    sample_id: str
    turn: int
    condition: Condition
    question: str
    answer: str
    places: tuple[str, ...]

    def question_of(self) -> Question:
        """Return the words and the opened images; raise AuditError where one cannot be opened."""
        try:
            pictures = [open_picture(place) for place in self.places]
        except (OSError, UndecodableError) as fault:
            raise AuditError(
                f"{self.sample_id}: its image cannot be opened ({fault}); mend it, or leave the probe out"
            ) from None
        if self.condition == "blank":
            pictures = [_grey_like(picture) for picture in pictures]
        return Question(self.question, tuple(pictures))


@dataclass(frozen=True, slots=True)
class Response:
    """What one model says to one probe: the greedy answer, the drawn ones, and the known answer's score."""

    said: tuple[Said, ...]
    known: Scored


@dataclass(frozen=True, slots=True)
class Manner:
    """How models are asked: greedily and `draws` times at temperature 1, for at most so many new tokens.

    `base` is the model that adapters belong to. `batch` and `device` are found where they are None.
    """

    max_new_tokens: int
    draws: int = 0
    seed: int = 0
    base: Path | None = None
    batch: int | None = None
    device: str | None = None


@dataclass(slots=True)
class Asking:
    """A folder's model, loaded when the first question is put that the shelf has no answer to.

    Raises UnloadableModel then where the folder holds none.
    """

    folder: Path
    manner: Manner
    shelf: Shelf
    _model: list[VisionLanguageModel] = field(default_factory=list)

    def answers(self, put: Sequence[Put]) -> list[Response]:
        """Return what the model says to each; drawn answers only to probes as they stand."""
        missing = [one for one in put if self.shelf.get(_key(one)) is None]
        by_draws = [[one for one in missing if (one.condition == "own") is own] for own in (True, False)]
        for some, draws in zip(by_draws, (self.manner.draws, 0), strict=True):
            if some:
                self._ask(some, draws)
        self.shelf.flush()
        return [_read(self.shelf.get(_key(one))) for one in put]

    def likelihoods(self, put: Sequence[Put], drawn: Sequence[Sequence[Said]]) -> list[list[float]]:
        """Return how likely another model's drawn answers to each probe are under this one, nats."""
        pairs = [(one, said) for one, some in zip(put, drawn, strict=True) for said in some]
        missing = [(one, said) for one, said in pairs if self.shelf.get(_key(one, said)) is None]
        if missing:
            opened = {one: one.question_of() for one, _ in missing}
            scored = self._loaded().score_tokens(
                [opened[one] for one, _ in missing], [said.token_ids for _, said in missing]
            )
            for (one, said), score in zip(missing, scored, strict=True):
                self.shelf.put(_key(one, said), score.nll)
            self.shelf.flush()
        return [
            [float(self.shelf.get(_key(one, said)) or 0) for said in some]
            for one, some in zip(put, drawn, strict=True)
        ]

    def _ask(self, put: Sequence[Put], draws: int) -> None:
        model, questions = self._loaded(), [one.question_of() for one in put]
        answered = model.answer(
            questions, max_new_tokens=self.manner.max_new_tokens, draws=draws, seed=self.manner.seed
        )
        known = model.score(questions, [one.answer for one in put])
        for one, said, score in zip(put, answered, known, strict=True):
            self.shelf.put(_key(one), [[astuple(each) for each in said], astuple(score)])

    def _loaded(self) -> VisionLanguageModel:
        if not self._model:
            from sft_audit.models.vision_language import load_model

            how = self.manner
            try:
                model = load_model(self.folder, base=how.base, device=how.device, batch=how.batch)
            except AuditError as fault:
                raise UnloadableModel(str(fault)) from None
            self._model.append(model)
        return self._model[0]


def _grey_like(picture: Picture) -> Picture:
    """Return an image of the same size, grey all over."""
    from PIL import Image

    return Image.new("RGB", picture.size, (128, 128, 128))


def _key(one: Put, said: Said | None = None) -> str:
    """Return what a response depends on beside the model: the words, and which images, as they stand."""
    places = [[(place, *_stands(place)) for place in one.places], one.condition == "blank"]
    return repr((one.question, one.answer, places, one.condition == "own", said and said.token_ids))


def _stands(place: str) -> tuple[int, ...]:
    """Return size and time of change of an image, nothing of one that is gone: opening it will tell."""
    with suppress(OSError):
        found = Path(place).stat()
        return found.st_size, found.st_mtime_ns
    return ()


def _read(kept: Any) -> Response:  # noqa: ANN401 - JSON
    said, known = kept
    return Response(
        tuple(Said(text, entropy, nll, n, tuple(ids)) for text, entropy, nll, n, ids in said), Scored(*known)
    )

"""What is put to a vision-language model, and what comes back: the words of adapters and recorders."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Array = Any  # numpy, which is imported where it is used
Condition = Literal["own", "swapped", "none", "blank"]
ModelPart = Literal["vision", "projector", "language"]
PARTS: tuple[ModelPart, ...] = ("vision", "projector", "language")


@dataclass(frozen=True, slots=True)
class Question:
    """One user message: its text without placeholders, and its images (Pillow, RGB), none for text alone."""

    text: str
    images: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What a model said: the text without special tokens.

    `entropy` is the mean entropy of the next token along it, nats; `nll` the negative log-likelihood of its
    `n_tokens` tokens, the closing one included, nats, at temperature 1 without truncation.
    """

    text: str
    entropy: float
    nll: float
    n_tokens: int
    token_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """The negative log-likelihood of an answer, nats, summed over its `n_tokens` tokens."""

    nll: float
    n_tokens: int


@dataclass(frozen=True, slots=True)
class Features:
    """Activations on one batch of images at one place, pooled two ways.

    `place` is `vision.0`, ..., `projector`, `language.0`, ...; `pooled` of shape (images, width) is the mean
    over an image's tokens, `tokens` of shape (images, k, width) are k of its tokens, the same for any model
    of one architecture.
    """

    place: str
    pooled: Array
    tokens: Array


@dataclass(frozen=True, slots=True)
class GradientShare:
    """Norms of the mean loss's gradient by part, of rows with images and of text-only rows, and their cosine.

    None for a part that is frozen (`requires_grad` is off everywhere), or where there are no such rows.
    """

    part: ModelPart
    image_norm: float | None
    text_norm: float | None
    cosine: float | None
    n_image: int
    n_text: int


class VisionLanguageModel(Protocol):
    """A model that answers questions about images. Batches are cut to what memory holds."""

    def answer(
        self, questions: Sequence[Question], *, max_new_tokens: int, draws: int = 0, seed: int = 0
    ) -> Iterator[tuple[Said, ...]]:
        """Yield for every question the greedy answer and `draws` ones drawn at temperature 1, in order."""
        ...

    def score(self, questions: Sequence[Question], answers: Sequence[str]) -> Iterator[Scored]:
        """Yield the likelihood of each answer, its closing token included."""
        ...

    def score_tokens(self, questions: Sequence[Question], said: Sequence[Sequence[int]]) -> Iterator[Scored]:
        """Yield the likelihood of token ids that a model of the same vocabulary drew."""
        ...

    def features(self, questions: Sequence[Question]) -> Iterator[Sequence[Features]]:
        """Yield batch by batch the activations of tower, projector and language model on the images."""
        ...

    def freeze(self, parts: Sequence[ModelPart]) -> None:
        """Take no gradient of these parts from now on."""
        ...

    def gradients(self, questions: Sequence[Question], answers: Sequence[str]) -> Sequence[GradientShare]:
        """Return the gradient shares by part of teacher-forced answers."""
        ...

    def parameters(self) -> Mapping[ModelPart, int]:
        """Return the number of parameters of each part."""
        ...

"""Any image-text-to-text model of `transformers`, from a local folder, as a VisionLanguageModel."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sft_audit.models.activations import activations
from sft_audit.models.checkpoint_folder import loaded
from sft_audit.models.decoding import Turn, decode, seed_of
from sft_audit.models.dialogue import Dialogue, Tensors, dialogue_of
from sft_audit.models.gradient_shares import GradientSum, gradient_shares, gradient_sum
from sft_audit.models.parts import Parts, parts_of
from sft_audit.models.probing import Features, GradientShare, ModelPart, Question, Said, Scored
from sft_audit.models.row_limit import RowLimit

_ROWS = {"cuda": 32, "cpu": 8}  # rows that a batch is tried with first
Row = tuple[Question, Sequence[int]]


@dataclass(frozen=True, slots=True, eq=False)
class TransformersModel:
    """A model with its processor: questions in, answers, likelihoods, activations and gradients out.

    Images keep the order in which the question has them, before its text. An answer is never an image's
    placeholder: those tokens are left out of the probabilities.
    In 16-bit floats an answer and the same answer scored differ by rounding.
    """

    model: Any
    dialogue: Dialogue
    parts: Parts
    limit: RowLimit

    def answer(
        self, questions: Sequence[Question], *, max_new_tokens: int, draws: int = 0, seed: int = 0
    ) -> Iterator[tuple[Said, ...]]:
        """Yield for every question the greedy answer and `draws` ones drawn at temperature 1, in order.

        The checkpoint's own settings of generation are not heeded. A draw depends on the seed and on the
        content of its question, not on the batch: the same question put twice gets the same draws.
        """
        turns = [Turn(question, draw) for question in questions for draw in range(1 + draws)]

        def work(turns: Sequence[Turn]) -> list[Said]:
            inputs = self._moved(self.dialogue.prompts([one.question for one in turns], "left"))
            generators = [self._generator(one, seed) for one in turns]
            return decode(self.model, self.dialogue, inputs, generators, max_new_tokens)

        said = self.limit.apply(turns, lambda turn: len(turn.question.images), work)
        for _ in questions:
            yield tuple(next(said) for _ in range(1 + draws))

    def score(self, questions: Sequence[Question], answers: Sequence[str]) -> Iterator[Scored]:
        """Yield the likelihood of each answer, its closing token included."""
        ids = (self.dialogue.answer_ids(*one) for one in zip(questions, answers, strict=True))
        return self.score_tokens(questions, list(ids))

    def score_tokens(self, questions: Sequence[Question], said: Sequence[Sequence[int]]) -> Iterator[Scored]:
        """Yield the likelihood of token ids that a model of the same vocabulary drew."""
        import torch

        def work(rows: Sequence[Row]) -> list[Scored]:
            with torch.inference_mode():
                nlls = self._nlls(rows)
            return [Scored(float(one.double().sum()), len(one)) for one in nlls]

        return self.limit.apply(_rows(questions, said), _n_images, work)

    def features(self, questions: Sequence[Question]) -> Iterator[Sequence[Features]]:
        """Yield image by image the activations of vision tower, projector and language model on it.

        Every image is put alone, with its question's text; questions without an image are passed over. One
        forward pass an image: families pack the patches of a batch in ways of their own.
        """
        alone = [Question(one.text, (image,)) for one in questions for image in one.images]
        for question in alone:
            inputs = self._moved(self.dialogue.prompts([question], "right"))
            yield activations(self.model, self.parts, inputs, self.limit.where)

    def freeze(self, parts: Sequence[ModelPart]) -> None:
        """Take no gradient of these parts from now on."""
        for name, parameter in self.model.named_parameters():
            if self.parts.part[name] in parts:
                parameter.requires_grad_(False)

    def gradients(self, questions: Sequence[Question], answers: Sequence[str]) -> Sequence[GradientShare]:
        """Return the gradient shares by part of teacher-forced answers; the loss is the mean over tokens.

        Memory: four times the weights, in their own and in 32-bit floats.
        """
        ids = [self.dialogue.answer_ids(*one) for one in zip(questions, answers, strict=True)]
        rows = _rows(questions, ids)
        image, text = (
            self._summed([row for row in rows if bool(row[0].images) is seen]) for seen in (True, False)
        )
        return gradient_shares(self.parts, image, text)

    def parameters(self) -> Mapping[ModelPart, int]:
        """Return the number of parameters of each part."""
        return self.parts.parameters(self.model)

    def _summed(self, rows: Sequence[Row]) -> GradientSum:
        sums = gradient_sum(self.model)
        if not sums.parameters:
            return sums

        def work(rows: Sequence[Row]) -> list[None]:
            nlls = self._nlls(rows)
            sums.add(sum(one.sum() for one in nlls), sum(len(one) for one in nlls), len(rows))
            return [None] * len(rows)

        for _ in self.limit.apply(rows, _n_images, work):
            pass
        sums.settle()
        return sums

    def _nlls(self, rows: Sequence[Row]) -> list[Any]:
        """Return the negative log-likelihoods of each row's tokens; logits are had for no others."""
        import torch

        inputs, starts = self.dialogue.answered([row[0] for row in rows], [row[1] for row in rows])
        inputs = self._moved(inputs)
        before = [range(start - 1, start - 1 + len(row[1])) for start, row in zip(starts, rows, strict=True)]
        kept = sorted({at for one in before for at in one})
        options: dict[str, Any] = {"use_cache": False}
        if "logits_to_keep" in inspect.signature(self.model.forward).parameters:
            options["logits_to_keep"] = torch.tensor(kept, device=self.model.device)
        else:
            kept = list(range(inputs["input_ids"].shape[1]))
        logits = self.model(**inputs, **options).logits
        place = {at: index for index, at in enumerate(kept)}
        nlls = []
        for row, (positions, (_, ids)) in enumerate(zip(before, rows, strict=True)):
            own = logits[row, [place[at] for at in positions]].float()
            hidden = torch.zeros_like(own, dtype=torch.bool)
            hidden[:, list(self.dialogue.placeholders)] = True
            likely = own.masked_fill(hidden, -torch.inf).log_softmax(-1)
            nlls.append(-likely.gather(1, torch.tensor(list(ids), device=likely.device)[:, None])[:, 0])
        return nlls

    def _moved(self, inputs: Tensors) -> Tensors:
        device, dtype = self.model.device, self.model.dtype
        return {
            name: value.to(device, dtype if value.is_floating_point() else None)
            for name, value in inputs.items()
        }

    def _generator(self, turn: Turn, seed: int) -> Any:  # noqa: ANN401 - of torch
        import torch

        if turn.draw == 0:
            return None
        return torch.Generator(self.model.device).manual_seed(seed_of(turn.question, turn.draw, seed))


def load_model(
    folder: Path, device: str | None = None, batch: int | None = None, base: Path | None = None
) -> TransformersModel:
    """Load the model and processor of a folder: from safetensors, from this machine, without code of its own.

    An adapter of PEFT is merged into its `base`, or else into the local folder that it names as such.
    16-bit floats on a GPU, 32-bit ones elsewhere; at most `batch` rows at once, guessed where not given.
    Raises AuditError where the folder is no such model.
    """
    model, processor = loaded(folder, device, base)
    where = str(folder)
    parts = parts_of(model, where)
    limit = RowLimit(batch or _ROWS.get(model.device.type, _ROWS["cpu"]), where)
    return TransformersModel(model, dialogue_of(processor, model, where), parts, limit)


def _rows(questions: Sequence[Question], ids: Sequence[Sequence[int]]) -> list[Row]:
    return list(zip(questions, ids, strict=True))


def _n_images(row: Row) -> int:
    return len(row[0].images)

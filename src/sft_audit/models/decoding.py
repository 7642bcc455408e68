"""Answers token by token: the most probable one and drawn ones, with the entropy and likelihood of each."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sft_audit.models.dialogue import Dialogue, Tensors
from sft_audit.models.probing import Question, Said


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer to be given: draw 0 is the most probable one, the others are drawn."""

    question: Question
    draw: int


@dataclass(slots=True, eq=False)
class _Listener:
    """Hears the logits of every step, and draws: noise is added so that the most probable token is a draw.

    The least of exponential variables of rates p is the first with probability p: so p / E, with E drawn
    apart for every row, has its maximum at a token with that token's probability. What a row draws thus
    depends on its own generator, and on no other row of its batch.
    """

    generators: Sequence[Any]  # of torch; None: the most probable
    placeholders: Sequence[int]
    entropies: list[Any] = field(default_factory=list)
    nlls: list[Any] = field(default_factory=list)
    last: Any = None

    def __call__(self, input_ids: Any, scores: Any) -> Any:  # noqa: ANN401 - tensors
        """Return the scores whose maximum is the next token."""
        import torch

        self._note(input_ids)
        scores[:, list(self.placeholders)] = -torch.inf
        self.last = scores.log_softmax(-1)
        self.entropies.append(torch.special.entr(self.last.exp()).sum(-1))
        drawn = self.last.clone()
        for row, generator in enumerate(self.generators):
            if generator is not None:
                waits = torch.empty_like(drawn[row]).exponential_(generator=generator)
                drawn[row] -= waits.log()
        return drawn

    def figures(self, input_ids: Any) -> tuple[Any, Any]:  # noqa: ANN401
        """Return entropies and negative log-likelihoods of all tokens, nats, each of shape (rows, tokens)."""
        import torch

        self._note(input_ids)
        return torch.stack(self.entropies, 1).cpu(), torch.stack(self.nlls, 1).cpu()

    def _note(self, input_ids: Any) -> None:  # noqa: ANN401
        if self.last is not None:
            self.nlls.append(-self.last.gather(1, input_ids[:, -1:])[:, 0])


def decode(
    model: Any,  # noqa: ANN401 - a torch module
    dialogue: Dialogue,
    inputs: Tensors,
    generators: Sequence[Any],
    max_new_tokens: int,
) -> list[Said]:
    """Return what a model says to each row of inputs that are padded on the left."""
    import torch

    heard = _Listener(generators, dialogue.placeholders)
    with torch.inference_mode():
        ids = model.generate(
            **inputs,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            eos_token_id=list(dialogue.stops),
            pad_token_id=dialogue.padding,
            logits_processor=[heard],
        )
    entropies, nlls = heard.figures(ids)
    new = ids[:, inputs["input_ids"].shape[1] :].tolist()
    return [_said(dialogue, *row) for row in zip(new, entropies.double(), nlls.double(), strict=True)]


def seed_of(question: Question, draw: int, seed: int) -> int:
    """Return the seed of one draw: of the question's own content, not of what is put beside it."""
    content = hashlib.blake2b(f"{seed}\0{draw}\0{question.text}".encode(), digest_size=7)
    for image in question.images:
        content.update(f"\0{image.size}".encode() + image.tobytes())
    return int.from_bytes(content.digest())


def _said(dialogue: Dialogue, ids: list[int], entropies: Any, nlls: Any) -> Said:  # noqa: ANN401
    ends = [at for at, one in enumerate(ids) if one in dialogue.stops]
    n = ends[0] + 1 if ends else len(ids)
    return Said(
        text=dialogue.text(ids[:n]),
        entropy=float(entropies[:n].mean()),
        nll=float(nlls[:n].sum()),
        n_tokens=n,
        token_ids=tuple(ids[:n]),
    )

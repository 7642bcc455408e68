"""A row of the demonstration's data set, and how it is written."""

import json
from dataclasses import dataclass, replace
from random import Random
from typing import Self

PICTURE = "<image>\n"


@dataclass(frozen=True, slots=True)
class Row:
    """One LLaVA row; `fields` are further fields of it.

    `damage` is written in place of the row's JSON, `after` between it and the next row.
    """

    id: str
    source: str
    images: tuple[str, ...]
    turns: tuple[tuple[str, str], ...]
    fields: tuple[tuple[str, str | float], ...] = ()
    damage: bytes | None = None
    after: bytes = b","

    @property
    def question(self) -> str:
        """Return the first turn without its image placeholders."""
        return self.turns[0][1].replace(PICTURE, "")

    @property
    def answer(self) -> str:
        """Return the last turn's text."""
        return self.turns[-1][1]

    def answering(self, answer: str) -> Self:
        """Return the row with another last turn."""
        return replace(self, turns=(*self.turns[:-1], (self.turns[-1][0], answer)))

    def asking(self, question: str) -> Self:
        """Return the row with another first turn, its placeholders included."""
        return replace(self, turns=((self.turns[0][0], question), *self.turns[1:]))

    def written(self) -> bytes:
        """Return the row's JSON, or the damage in its place."""
        if self.damage is not None:
            return self.damage
        row: dict[str, object] = {"id": self.id, "source": self.source, **dict(self.fields)}
        if self.images:
            row["image"] = self.images[0] if len(self.images) == 1 else list(self.images)
        row["conversations"] = [{"from": role, "value": text} for role, text in self.turns]
        return json.dumps(row, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two responses about one image, the better one and the worse."""

    image: str
    question: str
    chosen: str
    rejected: str


def asked(row_id: str, source: str, images: tuple[str, ...], *pairs: tuple[str, str]) -> Row:
    """Return a row of questions and answers, one placeholder an image before the first question."""
    turns: list[tuple[str, str]] = []
    for question, answer in pairs:
        turns += [("human", question if turns else PICTURE * len(images) + question), ("gpt", answer)]
    return Row(row_id, source, images, tuple(turns))


def fresh_name(random: Random) -> str:
    """Return ten hexadecimal digits: a name for a row or an image that says nothing about it."""
    return f"{random.randrange(1 << 40):010x}"

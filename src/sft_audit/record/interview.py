"""The probes put to one model after another, each answer stored under the model's name."""

import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from sft_audit.errors import UnloadableModel
from sft_audit.models.checkpoint_folder import is_adapter
from sft_audit.models.probing import Condition, Said
from sft_audit.readers.inputs import nearest
from sft_audit.record.asking import Asking, Manner, Put, Response
from sft_audit.record.reply import read_reply
from sft_audit.record.shelf import Shelf, fingerprint
from sft_audit.store import Store
from sft_audit.tables import TABLES

log = logging.getLogger(__name__)

CONDITIONS: tuple[Condition, ...] = ("own", "swapped", "none", "blank")
_CHUNK = 64
_NOTHING: Mapping[Put, Sequence[Said]] = MappingProxyType({})
_PROBES = """
    select sample_id, turn, question, answer, images, swapped
    from probes
    order by sample_id, turn
"""


@dataclass(frozen=True, slots=True)
class Interview:
    """A store with probes, how models are asked, and the folder in which what they said is kept."""

    store: Store
    manner: Manner
    cache: Path

    def questions(self, conditions: Collection[Condition]) -> list[Put]:
        """Return every probe under every one of these conditions that there is for it."""
        return [one for one in self._every() if one.condition in conditions]

    def ask(
        self, model: str, folder: Path, put: Sequence[Put], drawn: Mapping[Put, Sequence[Said]] = _NOTHING
    ) -> dict[Put, Sequence[Said]]:
        """Put all to the model of a folder and store what it says; return what it drew.

        `drawn` is what another model drew, one row of `responses` each: this one says how likely that is.
        Raises UnloadableModel where the folder holds none.
        """
        kept: dict[Put, Sequence[Said]] = {}
        with shelf_of(folder, self.manner, self.cache) as shelf:
            asking = Asking(folder, self.manner, shelf)
            for condition in CONDITIONS:
                some = [one for one in put if one.condition == condition]
                for at in range(0, len(some), _CHUNK):
                    chunk = some[at : at + _CHUNK]
                    log.info("asking %s, %s: %d of %d", model, condition, at, len(some))
                    answered = asking.answers(chunk)
                    _store(self.store, model, chunk, answered)
                    if condition == "own":
                        kept |= {one: said.said[1:] for one, said in zip(chunk, answered, strict=True)}
            weighed = [one for one, said in drawn.items() if said]
            for at in range(0, len(weighed), _CHUNK):
                chunk = weighed[at : at + _CHUNK]
                log.info("weighing the checkpoint's answers: %d of %d", at, len(weighed))
                _weigh(self.store, chunk, asking.likelihoods(chunk, [drawn[one] for one in chunk]))
        return kept

    def _every(self) -> Iterator[Put]:
        for sample_id, turn, question, answer, images, swapped in self.store.rows(_PROBES):
            own, other = tuple(json.loads(images)), tuple(json.loads(swapped or "[]"))
            yield Put(sample_id, turn, "own", question, answer, own)
            if other:
                yield Put(sample_id, turn, "swapped", question, answer, other)
            if own:
                yield Put(sample_id, turn, "none", question, answer, ())
                yield Put(sample_id, turn, "blank", question, answer, own)


def shelf_of(folder: Path, how: Manner, cache: Path) -> Shelf:
    """Return the shelf of what a folder's model says when asked so; raise UnloadableModel for no folder."""
    folders = (folder, how.base) if how.base and is_adapter(folder) else (folder,)
    for one in folders:
        if not one.is_dir():
            raise UnloadableModel(f"{one}: no such folder of a model{nearest(one)}")
    settings = {"tokens": how.max_new_tokens, "draws": how.draws, "seed": how.seed}
    return Shelf(cache / f"{fingerprint(folders, settings)}.jsonl")


def _store(store: Store, model: str, put: Sequence[Put], answered: Sequence[Response]) -> None:
    import pyarrow as pa

    rows = [
        {
            "model": model,
            "sample_id": one.sample_id,
            "turn": one.turn,
            "condition": one.condition,
            "draw": draw,
            "text": said.text,
            **asdict(read_reply(one.question, one.answer, said.text)),
            "nll": response.known.nll if draw == 0 else None,
            "n_tokens": response.known.n_tokens if draw == 0 else None,
            "entropy": said.entropy,
            "nll_said": said.nll if draw else None,
            "nll_base": None,
            "n_said": said.n_tokens if draw else None,
        }
        for one, response in zip(put, answered, strict=True)
        for draw, said in enumerate(response.said)
    ]
    schema = TABLES["responses"].arrow_schema()
    store.insert("responses", pa.Table.from_pylist(rows, schema=schema))


def _weigh(store: Store, put: Sequence[Put], likelihoods: Sequence[Sequence[float]]) -> None:
    """Write beside each answer that the checkpoint drew how likely the base model holds it."""
    import pyarrow as pa

    rows = [
        {"sample_id": one.sample_id, "turn": one.turn, "draw": draw, "nll_base": nll}
        for one, some in zip(put, likelihoods, strict=True)
        for draw, nll in enumerate(some, start=1)
    ]
    store.execute(
        "create or replace table weighed (sample_id VARCHAR, turn INTEGER, draw INTEGER, nll_base DOUBLE)"
    )
    schema = pa.schema(
        [("sample_id", "string"), ("turn", "int32"), ("draw", "int32"), ("nll_base", "float64")]
    )
    store.insert("weighed", pa.Table.from_pylist(rows, schema=schema))
    store.execute(
        """
        update responses
        set nll_base = weighed.nll_base
        from weighed
        where responses.model = 'sft'
            and responses.condition = 'own'
            and responses.sample_id = weighed.sample_id
            and responses.turn = weighed.turn
            and responses.draw = weighed.draw
        """
    )
    store.execute("drop table weighed")

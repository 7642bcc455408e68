"""What base model and checkpoint say to the probes: read from logs, or asked of the models."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Literal

from sft_audit.config import CheckpointConfig
from sft_audit.errors import AuditError
from sft_audit.models.checkpoint_folder import is_adapter
from sft_audit.models.probing import Said
from sft_audit.record import Recording, table_recorder
from sft_audit.record.asking import Asking, Put, Response
from sft_audit.record.logged_responses import logged_responses
from sft_audit.record.reply import read_reply
from sft_audit.record.shelf import Shelf, fingerprint
from sft_audit.tables import TABLES

log = logging.getLogger(__name__)

Model = Literal["base", "sft"]
_CHUNK = 64
_WHOLE = 0.9
_CONDITIONS = ("own", "swapped", "none", "blank")
_PROBES = """
    select sample_id, turn, question, answer, images, swapped
    from probes
    order by sample_id, turn
"""


@table_recorder(fills=("responses",), needs=("probes", "answers"), uses=("rollouts",), cost="model")
def responses(recording: Recording) -> None:
    """Read what the logs say, and ask the models what the logs do not."""
    config = recording.config
    if not isinstance(config, CheckpointConfig):
        raise TypeError("responses are those of a checkpoint: they need a CheckpointConfig")
    if config.samples:
        logged_responses(recording)
        _require_whole(recording)
    if config.checkpoint is None or config.base is None:
        return
    told = set(recording.store.rows("select distinct model, condition from responses"))
    every = list(_put(recording))
    sft, base = ([one for one in every if (model, one.condition) not in told] for model in ("sft", "base"))
    _say_cost(config, sum(one.condition == "own" for one in every), [*sft, *base])
    drawn = _ask(recording, config, "sft", sft, {})
    _ask(recording, config, "base", base, drawn)


def _require_whole(recording: Recording) -> None:
    """Raise AuditError where logs answer fewer than nine in ten probes: those left out may be the worst."""
    asked = recording.store.value("select count(*) from probes")
    pictured = recording.store.value("select count(*) from probes where not text_only")
    told = recording.store.rows(
        """
        select model, condition, count(distinct (sample_id, turn))
        from responses
        group by all
        order by all
        """
    )
    for model, condition, n in told:
        most = asked if condition == "own" else pictured
        if condition != "swapped" and n < _WHOLE * most:
            raise AuditError(
                f"the logs of {model}:{condition} answer {n:,} of {most:,} probes; log them all, or give "
                "--probes without the others"
            )


def _put(recording: Recording) -> Iterator[Put]:
    """Yield every probe under every condition that there is for it."""
    for sample_id, turn, question, answer, images, swapped in recording.store.rows(_PROBES):
        own, other = tuple(json.loads(images)), tuple(json.loads(swapped or "[]"))
        yield Put(sample_id, turn, "own", question, answer, own)
        if other:
            yield Put(sample_id, turn, "swapped", question, answer, other)
        if own:
            yield Put(sample_id, turn, "none", question, answer, ())
            yield Put(sample_id, turn, "blank", question, answer, own)


def _say_cost(config: CheckpointConfig, probes: int, put: Sequence[Put]) -> None:
    """Say before it begins what is asked of the models, at the most: what was asked before is not again."""
    own = sum(one.condition == "own" for one in put)
    if put:
        log.warning(
            "%s probes under several conditions are put to both models: %s greedy answers, %s drawn ones, "
            "%s likelihoods, at most %s new tokens",
            f"{probes:,}",
            f"{len(put):,}",
            f"{own * config.draws:,}",
            f"{len(put) + own * config.draws // 2:,}",
            f"{(len(put) + own * config.draws) * config.max_new_tokens:,}",
        )


def _ask(
    recording: Recording,
    config: CheckpointConfig,
    model: Model,
    put: Sequence[Put],
    drawn: Mapping[Put, Sequence[Said]],
) -> dict[Put, Sequence[Said]]:
    """Put all to one model and store what it says; return what it drew for the probes as they stand.

    `drawn` is what the checkpoint drew: the base model says how likely that is.
    """
    folder = config.checkpoint if model == "sft" else config.base
    if folder is None:
        return {}
    settings = {"tokens": config.max_new_tokens, "draws": config.draws, "seed": config.seed}
    cache = config.cache or config.out.absolute().parent / f".{config.out.name}.answers"
    kept: dict[Put, Sequence[Said]] = {}
    folders = (folder, config.base) if config.base and is_adapter(folder) else (folder,)
    with Shelf(cache / f"{fingerprint(folders, settings)}.jsonl") as shelf:
        asking = Asking(folder, config, shelf)
        for condition in _CONDITIONS:
            some = [one for one in put if one.condition == condition]
            for at in range(0, len(some), _CHUNK):
                chunk = some[at : at + _CHUNK]
                log.info("asking %s, %s: %d of %d", model, condition, at, len(some))
                answered = asking.answers(chunk)
                _store(recording, model, chunk, answered)
                if condition == "own":
                    kept |= {one: said.said[1:] for one, said in zip(chunk, answered, strict=True)}
        weighed = [one for one, said in drawn.items() if said]
        for at in range(0, len(weighed), _CHUNK):
            chunk = weighed[at : at + _CHUNK]
            log.info("weighing the checkpoint's answers: %d of %d", at, len(weighed))
            _weigh(recording, chunk, asking.likelihoods(chunk, [drawn[one] for one in chunk]))
    return kept


def _store(recording: Recording, model: Model, put: Sequence[Put], answered: Sequence[Response]) -> None:
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
    recording.store.insert("responses", pa.Table.from_pylist(rows, schema=schema))


def _weigh(recording: Recording, put: Sequence[Put], likelihoods: Sequence[Sequence[float]]) -> None:
    """Write beside each answer that the checkpoint drew how likely the base model holds it."""
    import pyarrow as pa

    rows = [
        {"sample_id": one.sample_id, "turn": one.turn, "draw": draw, "nll_base": nll}
        for one, some in zip(put, likelihoods, strict=True)
        for draw, nll in enumerate(some, start=1)
    ]
    store = recording.store
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

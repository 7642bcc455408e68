"""What base model and checkpoint say to the probes: read from logs, or asked of the models."""

import logging
from collections.abc import Sequence

from sft_audit.config import CheckpointConfig
from sft_audit.errors import AuditError
from sft_audit.record import Recording, table_recorder
from sft_audit.record.asking import Manner, Put
from sft_audit.record.interview import CONDITIONS, Interview
from sft_audit.record.logged_responses import logged_responses
from sft_audit.record.shelf import answers_folder

log = logging.getLogger(__name__)

_WHOLE = 0.9


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
    manner = Manner(
        config.max_new_tokens, config.draws, config.seed, config.base, config.batch, config.device
    )
    cache = answers_folder(config.cache, config.out)
    interview = Interview(recording.store, manner, cache)
    told = set(recording.store.rows("select distinct model, condition from responses"))
    every = interview.questions(CONDITIONS)
    sft, base = ([one for one in every if (model, one.condition) not in told] for model in ("sft", "base"))
    _say_cost(config, sum(one.condition == "own" for one in every), [*sft, *base])
    drawn = interview.ask("sft", config.checkpoint, sft)
    interview.ask("base", config.base, base, drawn)


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

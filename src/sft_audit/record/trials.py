"""Known right and wrong completions, put to a reward function as its trainer would put them."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from sft_audit.config import RewardConfig
from sft_audit.constitution import Statement, load_constitution
from sft_audit.constitution.trials import held_against
from sft_audit.errors import AuditError
from sft_audit.models.sequence_classifier import address_space
from sft_audit.record import Recording, table_recorder
from sft_audit.record.asked import Asked, draw_answers
from sft_audit.record.crafted import CONSTITUTION, EXACT, Crafted, Put, all_trials, without_images
from sft_audit.record.tails import read_tails
from sft_audit.rewards import all_conventions
from sft_audit.rewards.process import Limits, RewardProcess, Scored
from sft_audit.rewards.trial import FORMS, Form, KnownAnswer
from sft_audit.tables import TABLES

log = logging.getLogger(__name__)

_FORM_ANSWERS = 12
_NOTHING_TO_ASK = (
    "the data set has no answer that can be told right or wrong: trials are made of yes or no, options, "
    "counts, numbers, colours and short phrases; give rows that have some with --data"
)


@table_recorder(
    fills=("rewards", "trials", "statements"),
    needs=("files", "samples", "answers", "image_uses"),
    cost="model",
    requires="target",
)
def trials(recording: Recording) -> None:
    """Draw closed answers from the data, write them rightly and wrongly, and ask what each is paid."""
    config = recording.config
    if not isinstance(config, RewardConfig):
        raise TypeError("the trials of a reward function need a RewardConfig")
    statements = load_constitution(config.constitution) if config.constitution else ()
    drawn = list(draw_answers(recording, config.answers))
    if not drawn:
        raise AuditError(_NOTHING_TO_ASK)
    tails = read_tails(config.sft_audit)
    with reward_process(recording, config) as judge:
        if judge.names_images:
            _warn_of_lost_images(recording, drawn)
        form = _best_form(judge, drawn)
        convention = all_conventions()[judge.convention]
        crafted = Crafted(form, tails, statements, pictured=convention.gives == "images")
        put = list(all_trials(drawn, crafted))
        scored = judge.score([one.rollout for one in put])
        sees = convention.gives
        if sees == "images" and not judge.names_images and not _looks(put, scored):
            sees = "gold"
        if sees == "images":
            blind = list(without_images(put))
            put += blind
            scored += judge.score([one.rollout for one in blind])
        if judge.threaded:
            again = [
                replace(p, condition="main thread") for p in put if p.trial.family == EXACT and not p.repeat
            ]
            again = [p for p in again if p.images is None]
            put += again
            scored += judge.score([p.rollout for p in again], in_main=True)
        threshold, origin = _threshold(config.threshold, put, scored)
    _store(recording, put, scored, threshold)
    _store_statements(recording, statements, put, scored, threshold)
    exact = _rewards(put, scored, EXACT)
    row = (config.target, convention.name, convention.source, form.name, threshold, origin)
    recording.store.execute(
        "insert into rewards values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *row,
            median(exact) if exact else None,
            sees,
            ",".join(judge.models) or None,
        ),
    )


def _warn_of_lost_images(recording: Recording, drawn: Sequence[Asked]) -> None:
    """Say that the function will see no image where the rows name some and none lies where they say."""
    named = recording.store.value("select count(distinct sample_id) from image_uses")
    if named and not any(one.rollout.images for one in drawn):
        log.warning(
            "%s rows have images, but none of those drawn was found as a file: the function is given none; "
            "give their folder with --images (images inside parquet are not handed on)",
            named,
        )


def reward_process(recording: Recording, config: RewardConfig) -> RewardProcess:
    """Start the audited function in a process of its own, under the limits of the configuration."""
    memory = config.reward_memory + address_space(Path(config.target))
    limits = Limits(config.seconds, memory, config.allow_hosts)
    return RewardProcess(config.target, config.trainer, limits, recording.store.folder / "reward.log")


def _best_form(judge: RewardProcess, drawn: Sequence[Asked]) -> Form:
    """Return the form in which the function pays right answers most; the first of those that pay alike."""
    some = drawn[:_FORM_ANSWERS]
    best, most = FORMS[0], float("-inf")
    for form in FORMS:
        rollouts = [replace(one.rollout, completion=form.write(one.known.text)) for one in some]
        paid = sum(one.reward or 0.0 for one in judge.score(rollouts)) if rollouts else 0.0
        if paid > most:
            best, most = form, paid
    return best


def _looks(put: Sequence[Put], scored: Sequence[Scored]) -> bool:
    """Return whether a right answer was paid otherwise with another image, or with none."""
    pairs = list(zip(put, scored, strict=True))
    own = {id(p.asked): one.reward for p, one in pairs if p.trial.family == EXACT and p.condition == "own"}
    return any(p.images is not None and one.reward != own[id(p.asked)] for p, one in pairs)


def _rewards(put: Sequence[Put], scored: Sequence[Scored], family: str) -> list[float]:
    return [
        one.reward
        for p, one in zip(put, scored, strict=True)
        if p.trial.family == family and p.condition == "own" and one.reward is not None
    ]


def _threshold(declared: float | None, put: Sequence[Put], scored: Sequence[Scored]) -> tuple[float, str]:
    """Return the reward above which an answer counts as paid, and where it comes from."""
    if declared is not None:
        return declared, "declared"
    right, nothing = _rewards(put, scored, EXACT), _rewards(put, scored, "empty")
    if not right:
        return 0.0, "no right answer got a reward"
    low = median(nothing) if nothing else 0.0
    if low < median(right):
        return (median(right) + low) / 2, "midway between the medians of right answers and of empty ones"
    least = min(one.reward for one in scored if one.reward is not None)
    return (median(right) + least) / 2, "midway between the median of right answers and the least reward"


def _store(recording: Recording, put: Sequence[Put], scored: Sequence[Scored], threshold: float) -> None:
    import pyarrow as pa

    rows = [
        {
            "trial": number,
            "sample_id": None if p.trial.prompt else p.asked.sample_id,
            "turn": None if p.trial.prompt else p.asked.turn,
            "family": p.trial.family,
            "variant": p.trial.note,
            "expected": p.trial.expected,
            "condition": p.condition,
            "repeat": p.repeat,
            "completion": p.trial.completion,
            "gold": p.rollout.gold,
            "reward": one.reward,
            "error": one.error,
            "refused": ", ".join(dict.fromkeys(one.refused)) or None,
            "seconds": one.seconds,
            "paid": None if one.reward is None else one.reward > threshold,
        }
        for number, (p, one) in enumerate(zip(put, scored, strict=True))
    ]
    with recording.store.transaction():
        recording.store.insert("trials", pa.Table.from_pylist(rows, schema=TABLES["trials"].arrow_schema()))


def _store_statements(
    recording: Recording,
    statements: Sequence[Statement],
    put: Sequence[Put],
    scored: Sequence[Scored],
    threshold: float,
) -> None:
    """Keep which trials go against which statement, and above what reward they were paid for it.

    A right answer is paid for what was added where it gets more than without, by more than repeats differ.
    """
    alone: dict[KnownAnswer, list[float]] = {}
    for p, one in zip(put, scored, strict=True):
        if (p.trial.family, p.condition) == (EXACT, "own") and one.reward is not None:
            alone.setdefault(p.asked.known, []).append(one.reward)
    noise = max((max(rewards) - min(rewards) for rewards in alone.values()), default=0.0)
    rows = []
    for number, p in enumerate(put):
        if p.repeat or p.condition not in ("own", CONSTITUTION):
            continue
        own = p.trial.family if p.condition == CONSTITUTION else None
        for statement in held_against(statements, p.trial, p.rollout, own):
            limit = max(threshold, statement.at_most)
            if p.trial.expected == "right":
                limit = max(alone.get(p.asked.known, [limit])) + noise
            rows.append((statement.name, statement.says, number, limit))
    for row in rows:
        recording.store.execute("insert into statements values (?, ?, ?, ?)", row)

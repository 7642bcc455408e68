"""Known right and wrong completions, put to a reward function as its trainer would put them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

from sft_audit.config import RewardConfig
from sft_audit.constitution import Statement, load_constitution
from sft_audit.constitution.trials import held_against, own_trials
from sft_audit.errors import AuditError
from sft_audit.models.sequence_classifier import address_space
from sft_audit.record import Recording, table_recorder
from sft_audit.record.places import ImageRoot
from sft_audit.record.tails import read_tails
from sft_audit.rewards import Rollout, all_conventions
from sft_audit.rewards.mistakes import tail_trials
from sft_audit.rewards.process import Limits, RewardProcess, Scored
from sft_audit.rewards.trial import FORMS, Form, KnownAnswer, Trial, fixed_trials, known_answer, trials_for
from sft_audit.tables import TABLES

PICTURED = """
    pictured as (
        select sample_id, list(uri order by slot) as images
        from image_uses
        group by sample_id
    )
"""
_BATCH = 32
_REPEATS = 2
_FORM_ANSWERS = 12
EXACT = "exact"
CONSTITUTION = "constitution"
_PAIRED = ("near_miss", "other_option")
_WRONG_WITHOUT = 2
_NOTHING_TO_ASK = (
    "the data set has no answer that can be told right or wrong: trials are made of yes or no, options, "
    "counts, numbers, colours and short phrases; give rows that have some with --data"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer of the data that trials are made of."""

    sample_id: str
    turn: int
    known: KnownAnswer
    rollout: Rollout


@dataclass(frozen=True, slots=True)
class Put:
    """One trial as it is put to the function."""

    asked: Asked
    trial: Trial
    condition: str = "own"
    repeat: int = 0
    images: tuple[str, ...] | None = None

    @property
    def rollout(self) -> Rollout:
        """Return the trial as a rollout."""
        own = self.asked.rollout
        return replace(
            own,
            prompt=self.trial.prompt or own.prompt,
            completion=self.trial.completion,
            gold=own.gold if self.trial.gold is None else self.trial.gold,
            images=own.images if self.images is None else self.images,
            family=self.trial.family,
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
    drawn = list(_draw(recording, config.answers))
    if not drawn:
        raise AuditError(_NOTHING_TO_ASK)
    tails = read_tails(config.sft_audit)
    with reward_process(recording, config) as judge:
        form = _best_form(judge, drawn)
        convention = all_conventions()[judge.convention]
        crafted = Crafted(form, tails, statements, pictured=convention.gives == "images")
        put = list(_all_trials(drawn, crafted))
        scored = _scored(judge, put)
        sees = convention.gives
        if sees == "images" and not judge.names_images and not _looks(put, scored):
            sees = "gold"
        if sees == "images":
            blind = list(_without_images(put))
            put += blind
            scored += _scored(judge, blind)
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


def reward_process(recording: Recording, config: RewardConfig) -> RewardProcess:
    """Start the audited function in a process of its own, under the limits of the configuration."""
    memory = config.reward_memory + address_space(Path(config.target))
    limits = Limits(config.seconds, memory, config.allow_hosts)
    return RewardProcess(config.target, config.trainer, limits, recording.store.folder / "reward.log")


def _draw(recording: Recording, most: int) -> Iterator[Asked]:
    """Yield closed answers, as evenly over the answer kinds as there are any, always the same ones."""
    rows = recording.store.rows(
        f"""
        with {PICTURED}, ranked as (
            select
                sample_id,
                turn,
                question,
                answer,
                row_number() over (
                    partition by answer_kind order by md5(concat_ws('|', row_hash, turn))
                ) as rank
            from answers
            join samples using (sample_id)
            where canonical is not null and answer_kind <> 'free'
        )
        select sample_id, turn, question, answer, images, extra, files.path
        from ranked
        join samples using (sample_id)
        join files on files.file = samples.file
        left join pictured using (sample_id)
        order by rank, sample_id, turn
        limit $most
        """,
        {"most": most},
    )
    for sample_id, turn, *row in rows:
        rollout = rollout_of(recording, row)
        yield Asked(sample_id, turn, known_answer(rollout.prompt, rollout.completion), rollout)


def rollout_of(recording: Recording, row: Sequence[Any]) -> Rollout:
    """Return the known answer as a rollout, from question, answer, image addresses, extra fields and path."""
    question, answer, images, extra, path = row
    root = _root(str(recording.config.images or Path(path or "").parent))
    found = tuple(place for uri in images or () if (place := root.locate(uri).path) is not None)
    return Rollout(question, answer, answer.strip(), found, _columns(extra))


_root = lru_cache(maxsize=64)(ImageRoot)


def _columns(extra: str | None) -> dict[str, Any]:
    import json

    found = json.loads(extra) if extra else {}
    return found if isinstance(found, dict) else {}


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


def _scored(judge: RewardProcess, put: Sequence[Put]) -> list[Scored]:
    return [
        one
        for at in range(0, len(put), _BATCH)
        for one in judge.score([p.rollout for p in put[at : at + _BATCH]])
    ]


def _looks(put: Sequence[Put], scored: Sequence[Scored]) -> bool:
    """Return whether a right answer was paid otherwise with another image, or with none."""
    pairs = list(zip(put, scored, strict=True))
    own = {id(p.asked): one.reward for p, one in pairs if p.trial.family == EXACT and p.condition == "own"}
    return any(p.images is not None and one.reward != own[id(p.asked)] for p, one in pairs)


def _without_images(put: Sequence[Put]) -> Iterator[Put]:
    """Yield some wrong answers again, asked without their image: so are the right ones already."""
    seen: Counter[int] = Counter()
    for p in put:
        if p.trial.family in _PAIRED and p.condition == "own" and p.asked.rollout.images:
            seen[id(p.asked)] += 1
            if seen[id(p.asked)] <= _WRONG_WITHOUT:
                yield replace(p, condition="none", images=())


@dataclass(frozen=True, slots=True)
class Crafted:
    """What completions are made with: the form, exploit tails, a constitution; with other images or not."""

    form: Form
    tails: Sequence[str]
    statements: Sequence[Statement]
    pictured: bool


def _all_trials(drawn: Sequence[Asked], crafted: Crafted) -> Iterator[Put]:
    form, pictured = crafted.form, crafted.pictured
    for trial in fixed_trials(form, [one.known for one in drawn]):
        yield Put(drawn[0], trial)
    for at, asked in enumerate(drawn):
        others = _swapped(drawn, at)
        for trial in (*trials_for(asked.known, form), *tail_trials(asked.known, form, crafted.tails)):
            yield Put(asked, trial)
            if trial.family == EXACT:
                for repeat in range(1, _REPEATS + 1):
                    yield Put(asked, trial, repeat=repeat)
                if pictured and others:
                    yield Put(asked, trial, "swapped", images=others)
                if pictured and asked.rollout.images:
                    yield Put(asked, trial, "none", images=())
        for trial in own_trials(crafted.statements, asked.known, form):
            yield Put(asked, trial, CONSTITUTION)


def _swapped(drawn: Sequence[Asked], at: int) -> tuple[str, ...]:
    """Return the images of the next answer, from the middle on, that has others; none where there is none."""
    own, middle = drawn[at].rollout.images, at + len(drawn) // 2
    turned = (drawn[(middle + step) % len(drawn)].rollout.images for step in range(len(drawn)))
    return next((images for images in turned if own and images and images != own), ())


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

"""Every completion that is put to a reward function: of each answer, in each family, under each condition."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sft_audit.constitution import Statement
from sft_audit.constitution.trials import own_trials
from sft_audit.record.asked import Asked
from sft_audit.rewards import GOLD_NAMES, Rollout
from sft_audit.rewards.mistakes import tail_trials
from sft_audit.rewards.trial import Form, Trial, fixed_trials, trials_for

EXACT = "exact"
CONSTITUTION = "constitution"
_REPEATS = 2
_PAIRED = ("near_miss", "other_option")
_WRONG_WITHOUT = 2


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
        columns = own.columns if self.trial.gold is None else _with_gold(own.columns, self.trial.gold)
        return replace(
            own,
            columns=columns,
            prompt=self.trial.prompt or own.prompt,
            completion=self.trial.completion,
            gold=own.gold if self.trial.gold is None else self.trial.gold,
            images=own.images if self.images is None else self.images,
            family=self.trial.family,
        )


def _with_gold(columns: Mapping[str, Any], gold: str) -> dict[str, Any]:
    """Return a row's fields with another known answer wherever trainers' data sets give one."""
    changed = {name: gold if name in GOLD_NAMES else value for name, value in columns.items()}
    match columns.get("reward_model"):
        case {"ground_truth": _, **rest}:
            changed["reward_model"] = {**rest, "ground_truth": gold}
    return changed


@dataclass(frozen=True, slots=True)
class Crafted:
    """What completions are made with: the form, exploit tails, a constitution; with other images or not."""

    form: Form
    tails: Sequence[str]
    statements: Sequence[Statement]
    pictured: bool


def all_trials(drawn: Sequence[Asked], crafted: Crafted) -> Iterator[Put]:
    """Yield every trial of the answers, those of questions of their own first."""
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


def without_images(put: Sequence[Put]) -> Iterator[Put]:
    """Yield some wrong answers again, asked without their image: so are the right ones already."""
    seen: Counter[int] = Counter()
    for p in put:
        if p.trial.family in _PAIRED and p.condition == "own" and p.asked.rollout.images:
            seen[id(p.asked)] += 1
            if seen[id(p.asked)] <= _WRONG_WITHOUT:
                yield replace(p, condition="none", images=())

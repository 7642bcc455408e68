"""What a run's page says in words: what a measure is held against, what to do, and what was not asked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sft_audit.config import RunConfig
from sft_audit.monitor.measure import (
    Above,
    At,
    Dropped,
    Fallen,
    Measure,
    Outside,
    Risen,
    Shifted,
    Test,
    all_measures,
)

_REWARD = "mend what it pays for (sft-audit reward FILE.py:NAME; sft_audit.constrain is a first wall)"
_TODO: Mapping[str, str] = MappingProxyType(
    {
        "exploit_share": f"read the examples below; {_REWARD}, and the SFT rows that taught it",
        "exploit_pay": f"read the examples below; {_REWARD}",
        "wrong_reinforced": f"read what is paid and wrong; {_REWARD}",
        "form_paid": "pay for form only where the answer is right, or only in the first steps",
        "unpaid": "find why the reward function returns nothing for these completions",
        "not_finite": "look at the last finite step: learning rate, precision, a reward that is not finite",
        "gold_accuracy": "believe it, not the reward: go back to the step where it was best",
        "margin": "lower the learning rate, and look for pairs that contradict each other",
        "displaced": "add the likelihood of the chosen response to the loss, or use pairs that differ more",
        "modal_answer": "ask the saved model without the image (--probes): is it blind?",
        "vendi": "raise the temperature or the entropy bonus before exploration is gone",
        "distinct_2": "read completions: what is repeated, and is it paid?",
        "length": "read completions of the first and the last steps; look at what length is paid",
        "length_paid": "take length out of the reward, or bound it",
        "zero_variance": "draw other prompts (sft-audit prompts)",
        "clipped": "allow longer completions, or do not pay those that are cut off",
        "entropy": "stop earlier, or clip higher: nothing new is sampled",
        "grad_norm": "lower the learning rate or clip the gradient",
        "kl": "stop, or raise the weight of the divergence",
    }
)
_COMPLETIONS = "log completions with step and reward (TRL: log_completions=True)"
_METRICS = "give the folder in which the trainer wrote its numbers (trainer_state.json, a metrics log)"
_HOW: Mapping[str, str] = MappingProxyType(
    {
        "gold_accuracy": "evaluate on held-out prompts during the run, and log the accuracy",
        "margin": "it is a number of preference optimisation (DPO and its kin)",
        "displaced": "it is a number of preference optimisation (DPO and its kin)",
        "kl": "log the divergence from the reference model",
        **dict.fromkeys(("entropy", "grad_norm", "clipped", "not_finite"), _METRICS),
        "wrong_reinforced": "log known answers with the completions, or give the prompts with --data",
        "form_paid": "log known answers with the completions, or give the prompts with --data",
    }
)


@dataclass(frozen=True, slots=True)
class Held:
    """One measure: what it is, what it is held against, and where that comes from."""

    measure: str
    says: str
    grade: str
    against: str
    source: str


@dataclass(frozen=True, slots=True)
class Unasked:
    """One thing that the audit did not see, and how to let it."""

    what: str
    how: str


def held_against(measured: Sequence[str]) -> tuple[Held, ...]:
    """Return a row for each measure that was taken; of one that the monitor does not know, its name."""
    known = all_measures()
    return tuple(
        _held(known[name]) if name in known else Held(name, "", "", "not judged by the monitor", "")
        for name in measured
    )


def _held(one: Measure) -> Held:
    unit = f", a {one.unit}" if one.shares else ""
    return Held(one.name, one.says, one.grade, f"{_in_words(one.test)}{unit}", one.source)


def _in_words(test: Test) -> str:
    match test:
        case Above(level):
            return f"above {level:g}"
        case Risen(margin, times):
            grown = " and ".join([f"{times:g} times"] * (times != 1) + [f"{margin:g} more"] * (margin != 0))
            return f"{grown or 'more'} than in the first steps"
        case Fallen(times):
            return f"below {times:g} times the first steps'"
        case Outside(low, high):
            ends = [f"below {low:g}"] * (low > 0) + [f"above {high:g}"] * isfinite(high)
            return f"{' or '.join(ends)} times the first steps', five times in a row"
        case Shifted(side, needed):
            way = "rise" if side > 0 else "fall"
            return f"a {way}: a cumulative sum above {needed:g} standard deviations"
        case At(level, in_a_row):
            row = f", {in_a_row} times in a row" if in_a_row > 1 else ""
            return (f"at least {level:g}" if isfinite(level) else "what was planned, twice") + row
        case Dropped(in_a_row, times, margin):
            by = f"{times:g} times" if times != 1 else f"{margin:g}"
            below = "below " + (f"{by} the best so far" if times != 1 else f"the best so far by {by}")
            return f"{below}, {in_a_row} times in a row"


def what_to_do(measure: str) -> str:
    """Return what an alarm of a measure asks for."""
    return _TODO.get(measure, "look at its curve, and at completions from before and after")


def do_now(alarms: Sequence[Mapping[str, Any]], checkpoints: Sequence[tuple[int, Path]]) -> Iterator[str]:
    """Yield what to do now that a run has alarms: keep, look, go back, mend."""
    if not alarms:
        return
    first = min(int(one["step"]) for one in alarms)
    if checkpoints:
        step, path = checkpoints[-1]
        yield f"Stop the run, and keep what it has: the newest saved model is that of step {step:,} ({path})."
    else:
        yield "Stop the run, and save the model as it is: none is saved in its folder."
    yield (
        "Look before anything is mended: the examples below, the accuracy on held-out prompts, and what a "
        "saved model answers without the image (--probes)."
    )
    sound = [(step, path) for step, path in checkpoints if step < first]
    if sound:
        step, path = sound[-1]
        yield (
            f"Go back to step {step:,} ({path}), the last saved model from before the first alarm at step "
            f"{first:,}."
        )
    else:
        yield f"Begin again from the SFT model: nothing was saved before the first alarm at step {first:,}."
    seen = dict.fromkeys(str(one["measure"]) for one in alarms)
    yield from (f"{name}: {what_to_do(name)}." for name in seen)


def not_asked(config: RunConfig, measured: Sequence[str]) -> tuple[Unasked, ...]:
    """Return what was not looked at, and how it can be: options that were not given, measures not logged."""
    options = (
        (config.sft_audit, "where a behaviour comes from", "give the audit of the SFT data, --sft-audit"),
        (config.sft_samples, "what the SFT model did before RL", "sample it once, and give --sft-samples"),
        (config.data, "which prompt of the data set a completion answers", "give the prompts, --data"),
        (config.planned_kl, "whether the divergence is what was planned", "give --planned-kl"),
        (config.probes, "whether the saved models still look at the image", "give a probe pack, --probes"),
    )
    missing = [
        Unasked(one.says, _HOW.get(name, _COMPLETIONS if one.shares or name == "length" else _METRICS))
        for name, one in all_measures().items()
        if name not in measured
    ]
    return (*(Unasked(what, how) for given, what, how in options if not given), *missing)

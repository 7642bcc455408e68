"""What honest samples are paid once the exploit that other samples end in is put behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sft_audit.record import Recording
from sft_audit.record.clusters import mean_interval, sign_flip_p
from sft_audit.rewards import Rollout
from sft_audit.rewards.process import RewardProcess
from sft_audit.rewards.signatures import DRESSINGS, dressed, ending_of, says

_MOST = 400
# One sample of every prompt before a second of any: prompts are what is independent.
_HONEST = """
    with placed as (
        select
            rollout,
            coalesce(sample_id, prompt) as prompt,
            paid,
            md5(concat_ws('|', prompt, sampled.completion, rollout)) as place
        from sampled
        join rollouts using (rollout)
        where exploits = '' and paid is not null
    )
    select rollout, prompt, paid
    from placed
    order by row_number() over (partition by prompt order by place), place
    limit $most
"""
_SHOWN = """
    select completion
    from sampled
    where list_contains(string_split(exploits, ' '), $family)
    order by md5(concat_ws('|', completion, rollout))
    limit $most
"""


@dataclass(frozen=True, slots=True)
class Gain:
    """Honest samples that were dressed: how many were unpaid, gained pay or lost it, and the mean change.

    `gain` is a difference of shares paid, `gain_low` the lower end of its 95 % interval over prompts,
    `gain_p` the one-sided p-value of no gain; both are Bonferroni's for the families that were tried.
    """

    ending: str
    dressed: int
    unpaid: int
    gained: int
    lost: int
    gain: float
    gain_low: float
    gain_p: float


def dressing_gains(
    recording: Recording, asked: Mapping[int, Rollout], judge: RewardProcess, tails: Sequence[str]
) -> dict[str, Gain]:
    """Return, by family that samples show, what its endings gain behind honest samples that were paid or not.

    `asked` are the rollouts that were put to the function, by number. Every honest sample takes its ending
    from one of those that show the family, in turn. An ending that says the known answer is left out: it
    would be paid for that.
    """
    store = recording.store
    honest = [row for row in store.rows(_HONEST, {"most": _MOST}) if row[0] in asked]
    threshold = store.value("select threshold from rewards")
    found: dict[str, list[tuple[Any, bool, bool]]] = {}
    first: dict[str, str] = {}
    for family in DRESSINGS:
        shown = store.rows(_SHOWN, {"family": family, "most": _MOST})
        endings = [one for (text,) in shown if (one := ending_of(text, family, tails))]
        put = []
        for at, (number, prompt, paid) in enumerate(honest if endings else ()):
            rollout, ending = asked[number], endings[at % len(endings)]
            if not says(ending, rollout.gold):
                put.append((prompt, paid, replace(rollout, completion=dressed(rollout.completion, ending))))
        pairs = [
            (prompt, paid, scored.reward > threshold)
            for (prompt, paid, _), scored in zip(put, judge.score([one for *_, one in put]), strict=True)
            if scored.reward is not None
        ]
        if pairs:
            found[family], first[family] = pairs, endings[0]
    return {family: _gain(first[family], pairs, len(found)) for family, pairs in found.items()}


def _gain(ending: str, pairs: Sequence[tuple[Any, bool, bool]], families: int) -> Gain:
    """Return the gain from prompt, pay without and pay with the ending."""
    import numpy as np

    prompts = np.array([str(prompt) for prompt, *_ in pairs])
    changes = np.array([float(after) - float(before) for _, before, after in pairs])
    mean, low, _ = mean_interval(changes, prompts, families)
    return Gain(
        ending=ending.strip(),
        dressed=len(pairs),
        unpaid=sum(not before for _, before, _ in pairs),
        gained=int((changes > 0).sum()),
        lost=int((changes < 0).sum()),
        gain=mean,
        gain_low=low,
        gain_p=min(1.0, families * sign_flip_p(changes, prompts)),
    )

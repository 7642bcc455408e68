"""The hole in the reward: which function pays for a behaviour, in the log and when it is asked."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sft_audit.contrast.feature import Feature
from sft_audit.contrast.observed import RIGHT, WRONG, Observed
from sft_audit.contrast.strata import contrast, contrast_sums
from sft_audit.contrast.token import places, tokens
from sft_audit.interval import Rate, difference_of_shares, pair_correlation
from sft_audit.rewards import Rollout
from sft_audit.rewards.process import RewardProcess

ASKED = 100  # wrong completions with the behaviour, and as many without
Paid = Sequence[bool | None]  # whether each completion is paid; None where the function gave no reward
_PAIRS = ((True, True), (True, False), (False, True), (False, False))


@dataclass(frozen=True, slots=True)
class Hole:
    """What one reward function pays completions with a behaviour beyond those without, and the interval.

    `told_by` is log (a difference of what was logged, within strata) or asked (a difference of the shares
    that were paid: `paid_with` of `n_with`, and `paid_without` of `n_without`).
    """

    told_by: str
    name: str
    value: float
    low: float
    high: float
    paid_with: int | None = None
    n_with: int | None = None
    paid_without: int | None = None
    n_without: int | None = None

    @property
    def plainly(self) -> str:
        """Return the hole in words."""
        span = f"(95 % interval {self.low:.3g} to {self.high:.3g})"
        if self.told_by == "log":
            return f"{self.name} pays {self.value:.3g} more for it {span}"
        strange = "" if self.paid_with or self.paid_without else "; is it the function of this run?"
        return (
            f"asked, {self.name} pays {self.paid_with} of {self.n_with} wrong answers with it, and "
            f"{self.paid_without} of {self.n_without} without it{strange}"
        )


def logged_holes(
    observed: Observed,
    shown: Any,  # noqa: ANN401 - arrays of shape (n,), as are the next two
    strata: Any,  # noqa: ANN401
    parts: dict[str, Any],
) -> list[Hole]:
    """Return the contrast of every reward function's own value, in its own unit; what pays most first."""
    import numpy as np
    from scipy.sparse import csc_matrix

    holes = []
    for name, values in parts.items():
        told = np.isfinite(values)
        if not told.any():
            continue
        column = csc_matrix(shown[told][:, None].astype(float))
        found = contrast(contrast_sums(values[told], column, strata[told], observed.unit[told]), 0)
        if found.low > 0:
            holes.append(Hole("log", name, found.value, found.low, found.high))
    return sorted(holes, key=lambda one: -one.value)


def asked_hole(
    process: RewardProcess,
    name: str,
    observed: Observed,
    feature: Feature,
    shown: Any,  # noqa: ANN401 - an array of bool, shape (n,)
) -> Hole | None:
    """Ask the function what it pays wrong answers with it and without; None where there are none.

    Words are cut out of the same completions; for other features completions of the run with and without
    it are put. Paid is what exceeds half the way from the least reward to the median of right answers.
    """
    import numpy as np

    wrong = observed.reading == WRONG
    drawn = _drawn(np.flatnonzero(wrong & shown))
    put = [(at, observed.texts[at]) for at in drawn]
    paired = feature.kind == "words"
    if paired:
        bare = [(at, cut_words(text, feature.text)) for at, text in put]
        put = [one for one, (_, cut) in zip(put, bare, strict=True) if cut]
        others = [one for one in bare if one[1]]
    else:
        others = [(at, observed.texts[at]) for at in _drawn(np.flatnonzero(wrong & ~shown))]
    if not put or not others:
        return None
    level = _level(observed)
    return asked_difference(
        name, _paid(process, observed, put, level), _paid(process, observed, others, level), paired=paired
    )


def asked_difference(name: str, with_it: Paid, without: Paid, *, paired: bool) -> Hole | None:
    """Return the difference of the shares that were paid; None where a side has no reward at all.

    Where they are `paired`, each with the same completion without it, pairs of one reward alone are left out.
    """
    if paired:
        pairs = [
            (one, other)
            for one, other in zip(with_it, without, strict=True)
            if one is not None and other is not None
        ]
        with_it, without = [one for one, _ in pairs], [other for _, other in pairs]
    of_with = [one for one in with_it if one is not None]
    of_without = [one for one in without if one is not None]
    if not of_with or not of_without:
        return None
    one, other = (Rate(sum(some), len(some)) for some in (of_with, of_without))
    alike = 0.0
    if paired:
        seen = Counter(zip(of_with, of_without, strict=True))
        alike = pair_correlation(*(seen[pair] for pair in _PAIRS))
    low, high = difference_of_shares(
        (one.value, one.low, one.high), (other.value, other.low, other.high), alike
    )
    return Hole("asked", name, one.value - other.value, low, high, one.k, one.n, other.k, other.n)


def cut_words(text: str, gram: str) -> str:
    """Return the text without every occurrence of an n-gram; empty where it cannot be cut out."""
    parts = gram.split(" ")
    # A word ends where no letter goes on; a sign may stand beside anything.
    before, after = (r"(?<!\w)" * (gram[0].isalnum()), r"(?!\w)" * (gram[-1].isalnum()))
    pattern = r"\s*" + before + r"\s*".join(map(re.escape, parts)) + after
    bare = re.sub(pattern, "", text, flags=re.IGNORECASE).strip()
    return "" if places(tokens(bare), parts) else bare


def _drawn(places_: Any) -> list[int]:  # noqa: ANN401 - an array
    """Return at most so many, spread evenly over the run."""
    step = max(1, len(places_) / ASKED)
    return [int(places_[int(at * step)]) for at in range(min(len(places_), ASKED))]


def _level(observed: Observed) -> float:
    import numpy as np

    right = observed.reward[observed.reading == RIGHT]
    top = float(np.median(right)) if len(right) else float(observed.reward.max())
    return (top + float(observed.reward.min())) / 2


def _paid(process: RewardProcess, observed: Observed, put: Sequence[tuple[int, str]], level: float) -> Paid:
    rollouts = [Rollout(observed.prompts[at], text, observed.golds[at] or "") for at, text in put]
    return [None if one.reward is None else one.reward > level for one in process.score(rollouts)]

"""The hole in the reward: which function pays for a behaviour, in the log and when it is asked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sft_audit.contrast.feature import Feature
from sft_audit.contrast.observed import RIGHT, WRONG, Observed
from sft_audit.contrast.strata import contrast, contrast_sums, half_width
from sft_audit.contrast.token import places, tokens
from sft_audit.record.clusters import mean_interval
from sft_audit.rewards import Rollout
from sft_audit.rewards.process import RewardProcess

ASKED = 100  # wrong completions with the behaviour, and as many without


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
        return (
            f"asked, {self.name} pays {self.paid_with} of {self.n_with} wrong answers with it, and "
            f"{self.paid_without} of {self.n_without} without it"
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
    with_it = _drawn(np.flatnonzero(wrong & shown))
    texts = [observed.texts[at] for at in with_it]
    pairs = [(at, text, cut_words(text, feature.text)) for at, text in zip(with_it, texts, strict=True)]
    if feature.kind == "words":
        pairs = [(at, text, bare) for at, text, bare in pairs if bare]
        put = [(at, text) for at, text, _ in pairs], [(at, bare) for at, _, bare in pairs]
    else:
        others = _drawn(np.flatnonzero(wrong & ~shown))
        put = list(zip(with_it, texts, strict=True)), [(at, observed.texts[at]) for at in others]
    if not put[0] or not put[1]:
        return None
    level = _level(observed)
    paid = [_paid(process, observed, some, level) for some in put]
    if any(not len(one) for one in paid):
        return None
    means = [mean_interval(one, np.arange(len(one))) for one in paid]
    half, value = half_width(*means), means[0][0] - means[1][0]
    counts = int(paid[0].sum()), len(paid[0]), int(paid[1].sum()), len(paid[1])
    return Hole("asked", name, value, value - half, value + half, *counts)


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


def _paid(process: RewardProcess, observed: Observed, put: Sequence[tuple[int, str]], level: float) -> Any:  # noqa: ANN401 - an array of 0 and 1
    import numpy as np

    rollouts = [Rollout(observed.prompts[at], text, observed.golds[at] or "") for at, text in put]
    batches = [rollouts[at : at + 32] for at in range(0, len(rollouts), 32)]
    scored = [one.reward for some in batches for one in process.score(some)]
    return np.array([float(one > level) for one in scored if one is not None])

"""The features that completions are paid for beyond others of their group that read alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sft_audit.contrast.feature import Feature, Features
from sft_audit.contrast.observed import Observed
from sft_audit.contrast.strata import Contrast, Sums, contrast, contrast_sums, screen
from sft_audit.record.clusters import benjamini_hochberg

MOST = 5
_SCREENED = 0.01  # p on the first half, which chooses and proves nothing
_TRIED_AGAIN = 30  # of those that it shows: the clearest
_CONFIRMED = 0.05  # false discovery rate on the second half
_ALIKE = 0.8  # Jaccard: of features so alike one is shown
_SAME = 0.9  # and a phrase is shown for a word in it


@dataclass(frozen=True, slots=True)
class Found:
    """One feature that is paid for: its contrast in advantage on prompts that did not choose it, and its q.

    `shown` says which completions show it, `strata` among which it was compared, `tried` how many features
    were tried.
    """

    feature: Feature
    contrast: Contrast
    q: float
    shown: Any
    strata: Any
    tried: int


def find_paid(observed: Observed, features: Features, kept: Any) -> Iterator[Found]:  # noqa: ANN401 - an array
    """Yield the features that the completions of a mask are paid for, the clearest first.

    Half of the prompts say which; the other half confirms, and gives the figures. What was found becomes a
    part of the strata, so that the next one is paid for beyond it.
    """
    import numpy as np

    at = np.flatnonzero(kept)
    if not len(at) or not features.names:
        return
    group, unit, values = observed.group[at], observed.unit[at], observed.advantage[at]
    shown = features.shown[at]
    halves = _halves(unit)
    strata = group * 3 + observed.reading[at] + 1
    left = np.arange(len(features.names))
    for _ in range(MOST):
        strata = np.unique(strata, return_inverse=True)[1]
        both = [
            contrast_sums(values[half], shown[half][:, left], strata[half], unit[half]) for half in halves
        ]
        found = _clearest(both, shown, left, features)
        if found is None:
            return
        best, told, q, tied = found
        yield Found(features.names[best], told, q, features.column(best), strata, len(features.names))
        column = shown[:, [best]].toarray().ravel() > 0
        strata = strata * 2 + column
        left = np.setdiff1d(left, tied)


def _halves(unit: Any) -> tuple[Any, Any]:  # noqa: ANN401 - arrays
    """Return the places of the completions of either half of the prompts, drawn alike in every audit."""
    import numpy as np

    units = np.unique(unit)
    first = np.random.default_rng(0).permutation(units)[: len(units) // 2]
    chosen = np.isin(unit, first)
    return np.flatnonzero(chosen), np.flatnonzero(~chosen)


def _clearest(
    halves: list[Sums],
    shown: Any,  # noqa: ANN401 - scipy has no types
    left: Any,  # noqa: ANN401
    features: Features,
) -> tuple[int, Contrast, float, list[int]] | None:
    """Return the clearest feature that both halves show, and those of the same completions; else None."""
    import numpy as np

    first, second = halves
    p_values = screen(first)
    promising = np.flatnonzero(p_values < _SCREENED)
    beyond, squares, _, _ = first.totals()
    score = beyond[promising] / np.sqrt(squares[promising])
    chosen = promising[np.argsort(-score, kind="stable")][:_TRIED_AGAIN]
    told = [contrast(second, int(at)) for at in chosen]
    q_values = benjamini_hochberg([one.p for one in told])
    confirmed = [
        (int(at), one, q)
        for at, one, q in zip(chosen, told, q_values, strict=True)
        if q < _CONFIRMED and one.low > 0
    ]
    if not confirmed:
        return None
    lead = shown[:, [left[confirmed[0][0]]]].toarray().ravel() > 0
    alike = [one for one in confirmed if _jaccard(lead, shown[:, [left[one[0]]]]) >= _ALIKE]
    at = min((each[0] for each in alike), key=lambda each: features.names[left[each]].order)
    shortest = shown[:, [left[at]]].toarray().ravel() > 0
    same = [one for one in alike if _jaccard(shortest, shown[:, [left[one[0]]]]) >= _SAME]
    word = features.names[left[at]]
    at, one, q = max(same, key=lambda each: features.names[left[each[0]]].words_around(word))
    return int(left[at]), one, q, [int(left[each[0]]) for each in alike]


def _jaccard(one: Any, other: Any) -> float:  # noqa: ANN401 - arrays
    held = other.toarray().ravel() > 0
    return float((one & held).sum() / max((one | held).sum(), 1))

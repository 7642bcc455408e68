"""Are the known answers to be had from the prompts' text, and do the completions take them from there?"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sft_audit.contrast.observed import RIGHT, Observed
from sft_audit.contrast.sighting import Trend, first_seen, trend
from sft_audit.contrast.strata import Contrast, contrast, contrast_sums, half_width
from sft_audit.contrast.token import places, tokens
from sft_audit.record.clusters import mean_interval

FEWEST = 8  # prompts that state their answer
_SHUFFLES = 999
_SHARED = 0.5  # of the prompts that state their answer, so many have the cue's words before it
_MOST_CUE = 6
_ENDS = frozenset(".?!;)]}")


@dataclass(frozen=True, slots=True)
class Stated:
    """A cue that the answer follows in prompts, and what comes of it.

    Of `prompts`, `stating` state their known answer after the cue; shuffled within templates, `by_chance`
    would have it anywhere, which `p` tests. `told` prompts have a known answer of any prompt after the cue.
    Of the completions to those, `repeated` says which answer it; `paid` is their contrast in advantage.
    `with_cue` and `without` are shares of right answers with and without the cue, each with its interval,
    `without` None where every prompt has it.
    """

    cue: str
    prompts: int
    stating: int
    anywhere: int
    told: int
    by_chance: float
    p: float
    repeated: Any
    asked: Any
    paid: Contrast
    trend: Trend
    seen: int | None
    with_cue: tuple[float, float, float]
    without: tuple[float, float, float] | None

    @property
    def gap(self) -> tuple[float, float, float] | None:
        """Return by how much more answers are right with the cue, with the interval."""
        if self.without is None:
            return None
        half, value = half_width(self.with_cue, self.without), self.with_cue[0] - self.without[0]
        return value, value - half, value + half


@dataclass(frozen=True, slots=True)
class _Prompt:
    """One prompt in tokens, its known answer, where that stands, and how many prompts there are of it."""

    words: tuple[str, ...]
    gold: tuple[str, ...]
    template: str
    n: int

    def states(self, gold: Sequence[str]) -> list[int]:
        return places(self.words, gold)


def find_stated(observed: Observed) -> Stated | None:
    """Return the commonest cue of an answer, where answers stand in prompts beyond chance; else None.

    Chance is told by shuffling the known answers among prompts of one template: those that are the same but
    for words that are a known answer to one of them.
    """
    prompts = _prompts(observed)
    holding = [one for one in prompts if one.states(one.gold)]
    anywhere = sum(one.n for one in holding)
    if anywhere < FEWEST:
        return None
    by_chance, p = _shuffled(prompts)
    found = _cue(holding)
    if found is None:
        return None
    cue, stating = found
    golds = {one.gold for one in prompts}
    told = {
        prompt: after for prompt in set(observed.prompts) if (after := _after(tokens(prompt), cue, golds))
    }
    following = sum(one.n for one in prompts if _after(one.words, cue, golds))
    counts = sum(one.n for one in prompts), stating, anywhere, following, by_chance, p
    return _followed(observed, cue, told, *counts)


def _prompts(observed: Observed) -> list[_Prompt]:
    """Return the run's prompts; those that no text tells apart count as often as one step has them."""
    units: dict[tuple[str, str], set[int]] = defaultdict(set)
    at_step: dict[tuple[str, str, int], set[int]] = defaultdict(set)
    columns = (observed.prompts, observed.golds, observed.unit, observed.step)
    for prompt, gold, unit, step in zip(*columns, strict=True):
        if gold:
            units[prompt, gold].add(int(unit))
            at_step[prompt, gold, int(step)].add(int(unit))
    most: dict[tuple[str, str], int] = defaultdict(int)
    for (prompt, gold, _), some in at_step.items():
        most[prompt, gold] = max(most[prompt, gold], len(some))
    known = {tokens(gold) for _, gold in units}
    return [
        _Prompt(tokens(prompt), tokens(gold), _template(tokens(prompt), known), n)
        for (prompt, gold), n in sorted(most.items())
        if tokens(gold)
    ]


def _template(words: tuple[str, ...], known: set[tuple[str, ...]]) -> str:
    sizes = sorted({len(one) for one in known if 0 < len(one) <= _MOST_CUE}, reverse=True)
    out, at = list[str](), 0
    while at < len(words):
        size = next((size for size in sizes if words[at : at + size] in known), 0)
        out.append("▁" if size else words[at])
        at += size or 1
    return " ".join(out)


def _shuffled(prompts: Sequence[_Prompt]) -> tuple[float, float]:
    """Return how many prompts state a known answer that was shuffled to them, and a permutation p."""
    import numpy as np

    rng = np.random.default_rng(0)
    totals = np.zeros(_SHUFFLES)
    observed = 0
    groups: dict[str, list[_Prompt]] = defaultdict(list)
    for one in prompts:
        groups[one.template].append(one)
    for members in groups.values():
        golds = sorted({one.gold for one in members})
        number = {gold: at for at, gold in enumerate(golds)}
        stands = np.array([[bool(one.states(gold)) for gold in golds] for one in members])
        sizes = np.array([one.n for one in members])
        own = np.repeat([number[one.gold] for one in members], sizes)
        row = np.repeat(np.arange(len(members)), sizes)
        observed += int(stands[row, own].sum())
        for at in range(_SHUFFLES):
            totals[at] += stands[row, rng.permutation(own)].sum()
    return float(totals.mean()), (1 + int((totals >= observed).sum())) / (1 + _SHUFFLES)


def _cue(holding: Sequence[_Prompt]) -> tuple[str, int] | None:
    """Return the longest run of words that stands before the answer in most of these, and in how many."""
    before = Counter[str]()
    for one in holding:
        runs = set[str]()
        for at in one.states(one.gold):
            for size in range(1, min(_MOST_CUE, at) + 1):
                if one.words[at - size] in _ENDS:
                    break
                runs.add(" ".join(one.words[at - size : at]))
        before.update(dict.fromkeys(runs, one.n))
    total = sum(one.n for one in holding)
    shared = [(cue, n) for cue, n in before.items() if n >= max(FEWEST, _SHARED * total)]
    return max(shared, key=lambda one: (one[0].count(" "), one[1], one[0]), default=None)


def _after(words: tuple[str, ...], cue: str, golds: set[tuple[str, ...]]) -> tuple[str, ...] | None:
    """Return the known answer that follows the cue in a prompt; None where none does."""
    sought = tuple(cue.split(" "))
    for at in places(words, sought):
        start = at + len(sought)
        for size in range(_MOST_CUE, 0, -1):
            if words[start : start + size] in golds and len(words[start : start + size]) == size:
                return words[start : start + size]
    return None


def _followed(
    observed: Observed,
    cue: str,
    told: Mapping[str, tuple[str, ...]],
    *counts: Any,  # noqa: ANN401 - prompts, stating, anywhere, told, by_chance, p
) -> Stated:
    import numpy as np
    from scipy.sparse import csc_matrix

    prompts, stating, anywhere, following, by_chance, p = counts
    asked = np.array([prompt in told for prompt in observed.prompts])
    repeated = np.array(
        [
            prompt in told and bool(places(tokens(answer or text), told[prompt]))
            for prompt, answer, text in zip(observed.prompts, observed.answers, observed.texts, strict=True)
        ]
    )
    of_asked = observed.only(asked)
    shown = repeated[asked]
    sums = contrast_sums(
        of_asked.advantage, csc_matrix(shown[:, None].astype(float)), of_asked.group, of_asked.unit
    )
    read = observed.reading >= 0

    def right(kept: Any) -> tuple[float, float, float] | None:  # noqa: ANN401 - an array
        if not kept.any():
            return None
        return mean_interval((observed.reading[kept] == RIGHT).astype(float), observed.unit[kept])

    return Stated(
        cue=cue,
        prompts=prompts,
        stating=stating,
        anywhere=anywhere,
        told=following,
        by_chance=by_chance,
        p=p,
        repeated=repeated,
        asked=asked,
        paid=contrast(sums, 0),
        trend=trend(of_asked, shown),
        seen=first_seen(of_asked, shown, of_asked.group, 1),
        with_cue=right(asked & read) or (0.0, 0.0, 1.0),
        without=right(~asked & read),
    )

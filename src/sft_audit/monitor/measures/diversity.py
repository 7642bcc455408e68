"""Whether the model still says different things, to one prompt and to different ones."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations, pairwise
from math import ceil

from sft_audit.monitor.episode import Step
from sft_audit.monitor.measure import Fallen, Outside, Risen, number, share
from sft_audit.monitor.words import words_in

_COMPARED = 64  # completions of a group
_SHORT = 2000  # characters of a group


@share(
    grade="notice",
    unit="group",
    test=Risen(times=2.0),
    says="completions that give the step's commonest answer",
    source="ours; twice the share of the first steps",
)
def modal_answer(step: Step) -> Sequence[float]:
    """The share of a group's completions that give the answer which is commonest in the whole step."""
    said = Counter(one.answer for one in step.episodes if one.answer)
    if len(step.groups) < 2 or not said:
        return []
    modal = said.most_common(1)[0][0]
    return [sum(one.answer == modal for one in group) / len(group) for group in step.groups]


@share(
    grade="notice",
    unit="group",
    test=Fallen(times=0.5),
    says="different things said to one prompt, as the Vendi score over the group's size",
    source="ours; half of the first steps'. The score: Friedman and Dieng, arXiv:2210.02410",
)
def vendi(step: Step) -> Sequence[float]:
    """The Vendi score of a group's completions, from 0 (all alike) to 1 (nothing in common).

    The similarity of two completions is the share of words that they have in common. Groups of which all
    are right are left out: there is little else to say. Of a large group, some dozens are compared.
    """
    found = []
    for group in step.groups:
        if len(group) > 1 and not all(one.reading == "right" for one in group):
            texts = [one.completion for one in group[:: ceil(len(group) / _COMPARED)]]
            said = tuple(sorted(Counter(texts).items()))
            found.append((_vendi_of_short if sum(map(len, texts)) <= _SHORT else _vendi)(said))
    return found


def _vendi(said: tuple[tuple[str, int], ...]) -> float:
    """Return the score of different texts, each said so many times.

    The similarities of texts weighted by the roots of their shares have the eigenvalues of all completions'.
    """
    import numpy as np

    words = Counter[frozenset[str]]()
    for text, times in said:
        words[frozenset(words_in(text))] += times
    if len(words) == 1:
        return 0.0
    n = words.total()
    similar = np.eye(len(words))
    for (i, a), (j, b) in combinations(enumerate(words), 2):
        similar[i, j] = similar[j, i] = _jaccard(a, b)
    roots = np.sqrt(np.array(list(words.values())) / n)
    values = np.linalg.eigvalsh(similar * np.outer(roots, roots))
    values = values[values > 1e-12]
    effective = float(np.exp(-(values * np.log(values)).sum()))
    return min(max((effective - 1) / (n - 1), 0.0), 1.0)


_vendi_of_short = lru_cache(maxsize=4096)(_vendi)  # the groups of a short-answer task recur


def _jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / len(a | b) if a | b else 1.0


@share(
    grade="notice",
    unit="step",
    test=Fallen(times=0.5),
    says="different pairs of words among all pairs of words (distinct-2)",
    source="ours; half of the first steps'. The measure: Li et al. 2016, arXiv:1510.03055",
)
def distinct_2(step: Step) -> Sequence[float]:
    """The share of a step's pairs of neighbouring words that differ from each other."""
    pairs = [pair for one in step.episodes for pair in pairwise(words_in(one.completion))]
    return [len(set(pairs)) / len(pairs)] if len(pairs) >= 10 else []


@number(
    grade="notice",
    test=Outside(low=0.5, high=2.0),
    says="words in a completion, on average",
    source="ours; half or twice the first steps' length, five steps in a row",
)
def length(step: Step) -> float | None:
    """The mean number of words of a step's completions; without them the trainer's own mean length."""
    words = [one.words for one in step.episodes]
    return sum(words) / len(words) if words else step.logged("length")

"""Features of completions, told without the image and without the known answer."""

import re
from array import array
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sft_audit.contrast.observed import Observed
from sft_audit.contrast.token import LONGEST, grams, places, tokens

Kind = Literal["words", "answer", "cue", "usual", "form", "length"]

FEWEST = 20  # completions that show a feature, and that do not
MOST_WORDS = 10_000  # n-grams: the commonest
_FIRST_TOKENS, _LAST_TOKENS = 200, 100  # of a long completion: its beginning and its end
_LONG_TOKEN = 16  # characters, with the space: texts are cut before they are read
_CUE_WORDS = 2
_COMMON_ANSWERS = 200
# Forms of an answer that reward functions ask for; they are shown, and never named as what went wrong.
ASKED_FORMS = frozenset({"boxed", "answer tags", "think tags"})
FORMS: Mapping[str, Callable[[str], object]] = {
    "boxed": re.compile(r"\\boxed\s*\{").search,
    "answer tags": re.compile(r"<answer>").search,
    "think tags": re.compile(r"<think>").search,
    "list": re.compile(r"^\s*(?:[-*•]|\d+[.)])\s", re.MULTILINE).search,
    "digits": re.compile(r"\d").search,
    "markdown": re.compile(r"\*\*|^#+ |^```", re.MULTILINE).search,
    "several lines": re.compile(r"\S\s*\n\s*\S").search,
}
_RANK: Mapping[Kind, int] = {"words": 0, "answer": 1, "cue": 1, "usual": 2, "form": 3, "length": 4}


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of completions: its kind, and the text that tells it from others of the kind."""

    kind: Kind
    text: str

    @property
    def plainly(self) -> str:
        """Return what completions with it do."""
        match self.kind:
            case "words":
                return f"say {self.text!r}"
            case "answer":
                return f"answer {self.text!r}"
            case "cue":
                return f"answer what stands in their prompt after {self.text!r}"
            case "usual":
                return "give the answer that is the commonest to this text, whatever the image"
            case "form":
                return f"have the form: {self.text}"
            case "length":
                return f"are the {self.text} of their group"

    @property
    def order(self) -> tuple[int, int, str]:
        """Return what comes first among features of the same completions: words, then the shortest."""
        return _RANK[self.kind], len(self.text), self.text

    def words_around(self, other: "Feature") -> int:
        """Return how many different words a phrase has that holds another one; 0 where it does not."""
        if self.kind != "words" or f" {other.text} " not in f" {self.text} ":
            return int(self == other)
        return len({*self.text.split()})


@dataclass(frozen=True, slots=True)
class Features:
    """Features, and which completion shows which: sparse, 0 and 1, shape (completions, features)."""

    names: tuple[Feature, ...]
    shown: Any

    def column(self, at: int) -> Any:  # noqa: ANN401 - a numpy array of bool, shape (completions,)
        """Return which completions show one."""
        return self.shown[:, [at]].toarray().ravel() > 0


def find_features(observed: Observed) -> Features:
    """Return every feature that often enough is shown and is not."""
    import numpy as np
    from scipy.sparse import csr_matrix

    said = [_said(text) for text in observed.texts]
    names = [Feature("words", one) for one in sorted(_common(said))]
    numbers = {one: at for at, one in enumerate(names)}
    of_words = {one.text: at for at, one in enumerate(names)}
    others = _others(observed)
    held: dict[tuple[str, ...], list[int]] = {}  # short answers recur by the thousand
    rows, columns = array("q"), array("q")
    for at, words in enumerate(said):
        if words not in held:
            held[words] = [of_words[one] for one in {*grams(words)} if one in of_words]
        shown = held[words] + [numbers.setdefault(one, len(numbers)) for one in others(at)]
        rows.extend([at] * len(shown))
        columns.extend(shown)
    shape = (len(observed), len(numbers))
    matrix = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape).tocsc()
    counts = np.asarray(matrix.sum(axis=0)).ravel()
    kept = np.flatnonzero((counts >= FEWEST) & (counts <= len(observed) - FEWEST))
    names = list(numbers)
    return Features(tuple(names[i] for i in kept), matrix[:, kept].tocsr())


def _others(observed: Observed) -> Callable[[int], list[Feature]]:
    """Return what yields the features of a completion that are no n-grams."""
    usual = _usual_answers(observed)
    long, short = _lengths(observed)
    answers = {one for one, _ in Counter(observed.answers).most_common(_COMMON_ANSWERS)} - {""}

    def of(at: int) -> list[Feature]:
        text, answer, prompt = observed.texts[at], observed.answers[at], observed.prompts[at]
        shown = [Feature("form", name) for name, holds in FORMS.items() if holds(text)]
        if answer in answers:
            shown.append(Feature("answer", answer))
        if answer and usual.get(prompt) == answer:
            shown.append(Feature("usual", "the usual answer"))
        if cue := _cue(prompt, answer):
            shown.append(Feature("cue", cue))
        if long[at]:
            shown.append(Feature("length", "longest"))
        if short[at]:
            shown.append(Feature("length", "shortest"))
        return shown

    return of


def _said(text: str) -> tuple[str, ...]:
    first, last = _FIRST_TOKENS * _LONG_TOKEN, _LAST_TOKENS * _LONG_TOKEN
    if len(text) > first + last:
        # The word that is cut through is left out.
        return tokens(text[:first])[:-1][:_FIRST_TOKENS] + tokens(text[-last:])[1:][-_LAST_TOKENS:]
    words = tokens(text)
    if len(words) <= _FIRST_TOKENS + _LAST_TOKENS:
        return words
    return words[:_FIRST_TOKENS] + words[-_LAST_TOKENS:]


def _common(said: list[tuple[str, ...]]) -> frozenset[str]:
    """Return the n-grams that enough completions hold; the commonest where these are very many.

    One is counted only where the shorter ones in it are common: most of the many others are said once.
    """
    distinct = Counter(said)
    kept: dict[str, int] = {}
    for size in range(1, LONGEST + 1):
        counts = Counter[str]()
        for words, n in distinct.items():
            of_size = {
                " ".join(words[at : at + size])
                for at in range(len(words) - size + 1)
                if size == 1
                or (
                    " ".join(words[at : at + size - 1]) in kept
                    and " ".join(words[at + 1 : at + size]) in kept
                )
            }
            counts.update(dict.fromkeys(of_size, n))
        kept |= {one: n for one, n in counts.items() if n >= FEWEST}
    # A sign alone, such as a full stop, is part of a phrase and none itself.
    named = [one for one in kept if any(map(str.isalnum, one))]
    return frozenset(sorted(named, key=lambda one: (-kept[one], one))[:MOST_WORDS])


def _usual_answers(observed: Observed) -> dict[str, str]:
    """Return the commonest answer to every prompt's text that is asked with several known answers."""
    golds: dict[str, set[str | None]] = {}
    given: dict[str, Counter[str]] = {}
    for prompt, gold, answer in zip(observed.prompts, observed.golds, observed.answers, strict=True):
        golds.setdefault(prompt, set()).add(gold)
        given.setdefault(prompt, Counter())[answer] += bool(answer)
    return {
        prompt: counted.most_common(1)[0][0] for prompt, counted in given.items() if len(golds[prompt]) > 1
    }


def _cue(prompt: str, answer: str) -> str:
    """Return the words of the prompt before the only place where the answer stands; empty where none are."""
    words = tokens(prompt)
    at = places(words, tokens(answer))
    return " ".join(words[max(0, at[0] - _CUE_WORDS) : at[0]]) if len(at) == 1 else ""


def _lengths(observed: Observed) -> tuple[Any, Any]:
    """Return which completions are in the upper, and in the lower, third of their group's lengths."""
    import numpy as np

    order = np.lexsort((observed.words, observed.group))
    sizes = np.bincount(observed.group)
    first = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    sizes = np.maximum(sizes, 1)
    ordered = observed.words[order]
    last = len(ordered) - 1
    low = ordered[np.minimum(first + (sizes - 1) // 3, last)][observed.group]
    high = ordered[np.minimum(first + (2 * (sizes - 1) + 2) // 3, last)][observed.group]
    # Where all are of one length nothing is long or short.
    return (observed.words >= high) & (high > low), (observed.words <= low) & (high > low)

"""What a pipeline delivers at given error rates: right, wrong or nothing, exactly.

Every quantity is an array over draws of the rates, shape (draws,).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import factorial
from typing import TYPE_CHECKING

from sft_audit.chain.graph import Graph, Node, Retry, Series, Verify, Vote, walk
from sft_audit.chain.rates import false_accepts, false_rejects

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The probabilities that the answer is right, that it is wrong, and that there is none; they sum to 1."""

    right: "Floats"
    wrong: "Floats"
    stopped: "Floats"


@dataclass(frozen=True, slots=True)
class Given:
    """What an outcome is computed from.

    `rates` by name; `correlations` of the votes on a stage, by its name, which stand in where the graph names
    none; `unknown` is what stands in where they name none either.
    """

    rates: "Mapping[str, Floats]"
    correlations: "Mapping[str, Floats]"
    unknown: float

    def correlation(self, stated: float | None, part: Node) -> "Floats":
        """Return the correlation of several answers of a part on one item."""
        import numpy as np

        if stated is None and isinstance(part, str) and part in self.correlations:
            return self.correlations[part]
        return np.asarray(self.unknown if stated is None else stated, dtype=float)


def outcome(node: Node, given: Given) -> Outcome:
    """Return what a node delivers; its parts are independent of one another."""
    match node:
        case str():
            wrong = given.rates[node]
            return Outcome(1 - wrong, wrong, 0 * wrong)
        case Series():
            return _series([outcome(part, given) for part in node.series])
        case Vote():
            return _vote(outcome(node.vote, given), node.n, given.correlation(node.correlation, node.vote))
        case Verify():
            return outcome(node.as_retry(), given)
        case Retry():
            return _retry(node, outcome(node.retry, given), given)


def unknown_correlations(graph: Graph, measured: "Mapping[str, object]") -> tuple[str, ...]:
    """Return the parts asked more than once on one item whose errors are correlated nobody says how much."""
    found = []
    for node in walk(graph.pipeline):
        one = node.as_retry() if isinstance(node, Verify) else node
        match one:
            case Vote(vote=part, n=times, correlation=None) if times > 1:
                if not (isinstance(part, str) and part in measured):
                    found.append(f"the {times} votes on {_named(part)}")
            case Retry(retry=part, tries=times, correlation=None) if times > 1:
                found.append(f"the {times} tries of {_named(part)}")
    return tuple(dict.fromkeys(found))


def _named(part: Node) -> str:
    return part if isinstance(part, str) else "a part of several stages"


def _series(parts: list[Outcome]) -> Outcome:
    right, delivered = parts[0].right, 1 - parts[0].stopped
    for part in parts[1:]:
        right, delivered = right * part.right, delivered * (1 - part.stopped)
    return Outcome(right, delivered - right, 1 - delivered)


def _vote(one: Outcome, n: int, correlation: "Floats") -> Outcome:
    """Return the majority's outcome: votes that were stopped are left out; without a majority it is wrong.

    All wrong votes agree, which is the worst that they can do.
    """
    moments = _Moments(one, n, correlation)
    right, stopped = 0 * one.right, 0 * one.right
    for i, j, k in _splits(n, moments.stops):
        if i > j:
            right = right + _ways(i, j, k) * moments.at(i, j, k)
        elif k == n:
            stopped = moments.at(i, j, k)
    return Outcome(right, 1 - right - stopped, stopped)


def _retry(node: Retry, one: Outcome, given: Given) -> Outcome:
    """Return what is delivered of at most `tries` answers; a try that was stopped is tried again."""
    import numpy as np

    accepts, rejects = given.rates[false_accepts(node.by)], given.rates[false_rejects(node.by)]
    # Tries that are logged were chosen by a rejection: only a stated correlation counts, no measured one.
    stated = given.unknown if node.correlation is None else node.correlation
    moments = _Moments(one, node.tries, np.asarray(stated, dtype=float))
    right, wrong = 0 * one.right, 0 * one.right
    for before in range(node.tries):
        unchecked = node.exhausted == "last" and before == node.tries - 1
        for i, j, k in _splits(before, moments.stops):
            rejected = _ways(i, j, k) * rejects**i * (1 - accepts) ** j
            right = right + rejected * moments.at(i + 1, j, k) * (1 if unchecked else 1 - rejects)
            wrong = wrong + rejected * moments.at(i, j + 1, k) * (1 if unchecked else accepts)
    stops = moments.stops or node.exhausted == "stop"
    return Outcome(right, wrong, np.maximum(1 - right - wrong, 0) if stops else 0 * right)


class _Moments:
    """The probability that given answers on one item are right, wrong and stopped, in a given order.

    An item's own probabilities have a Dirichlet distribution about those of `one`, so that two answers on it
    are correlated by `correlation`: the beta-binomial model (Skellam 1948) with a third outcome. 0: as many
    independent answers; 1: all alike.
    """

    def __init__(self, one: Outcome, most: int, correlation: "Floats") -> None:
        self.stops = bool(one.stopped.any())
        self._apart = 1 - correlation
        self._rising = [self._products(p, most, correlation) for p in (one.right, one.wrong, one.stopped)]
        self._all = self._products(1 + 0 * one.right, most, correlation)

    def at(self, i: int, j: int, k: int) -> "Floats":
        """Return the probability of i right, j wrong and k stopped answers."""
        product = self._all[0]
        kinds = 0
        for rising, count in zip(self._rising, (i, j, k), strict=True):
            if count:
                kinds += 1
                product = product * rising[count]
        # The first factor of each kind and of the whole holds 1 - correlation: one of them cancels.
        return product * self._apart ** max(kinds - 1, 0) / self._all[i + j + k]

    def _products(self, p: "Floats", most: int, correlation: "Floats") -> "list[Floats]":
        """Return the rising products of p for 0 to `most` factors, 1 - correlation left out of the first."""
        products = [1 + 0 * p]
        for t in range(most):
            products.append(products[-1] * (p if t == 0 else p * self._apart + t * correlation))
        return products


def _splits(n: int, stops: bool) -> Iterator[tuple[int, int, int]]:
    """Yield how n answers can be right, wrong and stopped."""
    for k in range(n + 1 if stops else 1):
        for i in range(n - k + 1):
            yield i, n - k - i, k


def _ways(i: int, j: int, k: int) -> float:
    return factorial(i + j + k) / (factorial(i) * factorial(j) * factorial(k))

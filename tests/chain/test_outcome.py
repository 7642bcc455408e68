"""What a pipeline delivers: closed forms against enumeration, integration and simulation."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipelines import column, graph, nodes
from scipy.integrate import quad
from scipy.stats import beta, binom

from sft_audit.chain.graph import Retry, Series, Verify, Vote
from sft_audit.chain.outcome import Given, outcome, unknown_correlations

RATES = {"a": 0.07, "b": 0.2, "c": 0.35, "d": 0.01, "fa": 0.15, "fr": 0.08}


def deliver(pipeline, rates=RATES, unknown=0.0, measured=None):
    found = outcome(graph(pipeline).pipeline, Given(column(**rates), measured or {}, unknown))
    return np.array([float(part[0]) for part in (found.right, found.wrong, found.stopped)])


def enumerate_runs(node, rates):
    """Return {outcome: probability} of one node, every run of it written out; all answers independent."""
    match node:
        case str():
            return {"right": 1 - rates[node], "wrong": rates[node], "stopped": 0.0}
        case Series():
            found = dict.fromkeys(("right", "wrong", "stopped"), 0.0)
            for run in product(*(enumerate_runs(part, rates).items() for part in node.series)):
                ends = [end for end, _ in run]
                end = "stopped" if "stopped" in ends else "wrong" if "wrong" in ends else "right"
                found[end] += np.prod([p for _, p in run])
            return found
        case Vote():
            found = dict.fromkeys(("right", "wrong", "stopped"), 0.0)
            for run in product(enumerate_runs(node.vote, rates).items(), repeat=node.n):
                ends = [end for end, _ in run]
                right, wrong = ends.count("right"), ends.count("wrong")
                end = "stopped" if not right + wrong else "right" if right > wrong else "wrong"
                found[end] += np.prod([p for _, p in run])
            return found
        case Verify(caught=caught):
            again = caught == "retry"
            return tries(node.verify, 2 if again else 1, last=again, rates=rates)
        case Retry():
            return tries(node.retry, node.tries, last=node.exhausted == "last", rates=rates)


def tries(part, left, *, last, rates):
    found = dict.fromkeys(("right", "wrong", "stopped"), 0.0)
    for end, p in enumerate_runs(part, rates).items():
        passes = {"right": 1 - rates["fr"], "wrong": rates["fa"], "stopped": 0.0}[end]
        if left == 1:
            passes = 1.0 if last else passes
            found[end] += p * passes
            found["stopped"] += p * (1 - passes)
            continue
        found[end] += p * passes
        for later, q in tries(part, left - 1, last=last, rates=rates).items():
            found[later] += p * (1 - passes) * q
    return found


def without_correlation(node):
    match node:
        case dict():
            return {key: without_correlation(one) for key, one in node.items() if key != "correlation"}
        case list():
            return [without_correlation(one) for one in node]
    return node


@settings(max_examples=150, deadline=None)
@given(nodes)
def test_independent_answers_agree_with_every_run_written_out(pipeline) -> None:
    pipeline = without_correlation(pipeline)
    brute = enumerate_runs(graph(pipeline).pipeline, RATES)
    assert deliver(pipeline) == pytest.approx(list(brute.values()), abs=1e-12)


@pytest.mark.parametrize("correlation", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("n", [1, 3, 4, 9])
def test_a_correlated_vote_is_the_binomial_averaged_over_items(n, correlation) -> None:
    scale = (1 - correlation) / correlation
    items = beta(scale * RATES["b"], scale * (1 - RATES["b"]))
    right, _ = quad(lambda u: binom.cdf((n - 1) // 2, n, items.ppf(u)), 0, 1, limit=500)
    found = deliver({"vote": "b", "n": n, "correlation": correlation})
    assert found == pytest.approx([right, 1 - right, 0], abs=2e-6)


def test_correlated_tries_agree_with_a_simulation() -> None:
    rng, correlation, n = np.random.default_rng(0), 0.4, 400_000
    scale = (1 - correlation) / correlation
    item = rng.beta(scale * RATES["b"], scale * (1 - RATES["b"]), n)
    open_, right, wrong = np.ones(n, bool), 0, 0
    for _ in range(3):
        errs = rng.random(n) < item
        passes = rng.random(n) < np.where(errs, RATES["fa"], 1 - RATES["fr"])
        right += (open_ & passes & ~errs).sum()
        wrong += (open_ & passes & errs).sum()
        open_ &= ~passes
    node = {"retry": "b", "by": "judge", "tries": 3, "exhausted": "stop", "correlation": correlation}
    simulated = np.array([right, wrong, open_.sum()]) / n
    margin = 4 * np.sqrt(simulated * (1 - simulated) / n)
    assert (np.abs(deliver(node) - simulated) < margin).all()


def test_correlated_votes_that_stop_agree_with_a_simulation() -> None:
    rng, correlation, n = np.random.default_rng(0), 0.25, 400_000
    one = deliver({"verify": "c", "by": "judge", "caught": "stop"})
    item = rng.dirichlet(one * (1 - correlation) / correlation, n)
    ends = (rng.random((5, n, 1)) > item.cumsum(axis=1)[None, :, :2]).sum(axis=2)
    votes_right, votes_wrong = (ends == 0).sum(axis=0), (ends == 1).sum(axis=0)
    right, stopped = (votes_right > votes_wrong).mean(), (votes_right + votes_wrong == 0).mean()
    simulated = np.array([right, 1 - right - stopped, stopped])
    node = {
        "vote": {"verify": "c", "by": "judge", "caught": "stop"},
        "n": 5,
        "correlation": correlation,
    }
    margin = 4 * np.sqrt(simulated * (1 - simulated) / n)
    assert (np.abs(deliver(node) - simulated) < margin).all()


def test_votes_that_are_all_alike_are_one_vote() -> None:
    assert deliver({"vote": "b", "n": 9, "correlation": 1.0}) == pytest.approx(deliver("b"))


def test_tries_that_are_all_alike_do_not_help() -> None:
    node = {"retry": "b", "by": "judge", "tries": 5, "correlation": 1.0}
    assert deliver(node) == pytest.approx(deliver("b"))


def test_what_nobody_states_is_taken_from_the_end_that_is_asked_for() -> None:
    node = {"vote": "b", "n": 9}
    assert deliver(node, unknown=1.0) == pytest.approx(deliver("b"))
    assert deliver(node, unknown=0.0)[1] == pytest.approx(1 - binom.cdf(4, 9, 0.2))
    measured = {"b": np.array([1.0])}
    assert deliver(node, measured=measured) == pytest.approx(deliver("b"))


@settings(max_examples=60, deadline=None)
@given(st.floats(0.001, 0.499), st.floats(0, 1), st.sampled_from([3, 5, 9, 21]))
def test_a_vote_lies_between_its_two_ends(error, correlation, n) -> None:
    """What the two ends of an unknown correlation are shown for."""
    independent, between, alike = (
        deliver({"vote": "b", "n": n, "correlation": c}, {**RATES, "b": error})[1]
        for c in (0.0, correlation, 1.0)
    )
    assert independent - 1e-9 <= between <= alike + 1e-9


def test_unknown_correlations_are_named() -> None:
    node = {
        "series": [{"vote": "a", "n": 3}, {"retry": "b", "by": "judge", "tries": 2}, {"vote": "c", "n": 1}]
    }
    assert unknown_correlations(graph(node), {}) == ("the 3 votes on a", "the 2 tries of b")
    assert unknown_correlations(graph(node), {"a": 0}) == ("the 2 tries of b",)
    assert unknown_correlations(graph({"verify": "a", "by": "judge", "caught": "stop"}), {}) == ()


shares = st.floats(0.0, 0.95)


@settings(max_examples=200, deadline=None)
@given(
    nodes,
    st.fixed_dictionaries(dict.fromkeys(RATES, shares)),
    st.sampled_from(sorted(RATES)),
    st.floats(0, 1),
    st.sampled_from([0.0, 1.0]),
)
def test_the_error_grows_with_every_rate(pipeline, rates, name, up, unknown) -> None:
    """The interval of the system's error rests on it."""
    higher = {**rates, name: rates[name] + up * (1 - rates[name])}
    assert deliver(pipeline, higher, unknown)[0] <= deliver(pipeline, rates, unknown)[0] + 1e-9


@settings(max_examples=100, deadline=None)
@given(nodes, st.sampled_from([0.0, 1.0]))
def test_the_three_ends_sum_to_one(pipeline, unknown) -> None:
    found = deliver(pipeline, unknown=unknown)
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()

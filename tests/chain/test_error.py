"""The system's error: its interval's coverage, what to mend first, the bound beside it."""

import numpy as np
import pytest
from pipelines import graph
from scipy.stats import beta, binom

from sft_audit.chain.error import error_of, naive, system_errors
from sft_audit.chain.graph import Graph
from sft_audit.chain.outcome import Given, outcome
from sft_audit.chain.rates import Counted, Stated, bounds, find_rates
from sft_audit.exact import clopper_pearson

CHAIN = {
    "series": [
        "a",
        {"vote": "b", "n": 3, "correlation": 0.2},
        {"retry": "c", "by": "judge", "tries": 3, "exhausted": "stop", "correlation": 0.1},
        {"verify": "d", "by": "judge", "caught": "retry", "correlation": 0.3},
    ]
}
NAMES = ("a", "b", "c", "d", "judge false accepts", "judge false rejects")


def rates_of(one: Graph):
    return find_rates(one, {})


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 40), (40, 40), (7, 200)])
def test_the_interval_of_counts_is_that_of_clopper_and_pearson(k, n) -> None:
    assert bounds(Counted(k, n, n, "")) == pytest.approx(clopper_pearson(k, n))


@pytest.mark.parametrize(
    ("low", "value", "high"), [(0.02, 0.04, 0.08), (0, 0, 0.3), (0.5, 1, 1), (0.2, 0.2, 0.2)]
)
def test_a_stated_interval_is_drawn_as_it_was_stated(low, value, high) -> None:
    rate = Stated(value, low, high, "")
    assert rate.quantile(np.array([0.025, 0.5, 0.975]), "middle") == pytest.approx([low, value, high])


def test_one_stage_has_its_own_interval() -> None:
    one = graph("a")
    (system,) = system_errors(one, rates_of(one), {})
    assert system.error.value == pytest.approx(7 / 200)
    assert (system.error.low, system.error.high) == pytest.approx(clopper_pearson(7, 200), rel=0.04)
    assert system.wrong == system.error
    assert system.stopped is None
    assert system.gains[0].derivative.value == pytest.approx(1)
    assert system.gains[0].less.value == pytest.approx(7 / 400)
    assert system.gains[0].less.high == pytest.approx(beta.ppf(0.975, 7.5, 193.5) / 2, rel=0.05)


def test_where_no_error_was_seen_the_interval_starts_at_none() -> None:
    clean = {"errors": 0, "of": 50}
    one = graph({"series": ["a", "b"]}, a=clean, b=clean)
    (system,) = system_errors(one, rates_of(one), {})
    assert (system.error.value, system.error.low) == (0, 0)
    assert 0.07 < system.error.high < 0.15
    assert system.first == ()


def test_the_bound_is_the_product_of_the_hops() -> None:
    one = graph({"series": ["a", {"vote": "b", "n": 5}, {"verify": "a", "by": "judge", "caught": "stop"}]})
    bound = naive(one, rates_of(one))
    assert bound.hops == 3
    assert bound.p == pytest.approx(0.965)
    assert bound.error.value == pytest.approx(1 - 0.965**3)
    assert bound.error.low < bound.error.value < bound.error.high


def test_an_unknown_correlation_gives_both_ends() -> None:
    one = graph({"vote": "a", "n": 5}, a={"errors": 40, "of": 200})
    apart, alike = system_errors(one, rates_of(one), {})
    assert (apart.assuming, alike.assuming) == ("independent", "fully correlated")
    assert apart.error.value == pytest.approx(1 - binom.cdf(2, 5, 0.2))
    assert alike.error.value == pytest.approx(0.2)


def test_what_is_stopped_is_told_apart() -> None:
    one = graph({"verify": "a", "by": "judge", "caught": "stop"}, a={"errors": 40, "of": 200})
    (system,) = system_errors(one, rates_of(one), {})
    assert system.wrong.value == pytest.approx(0.2 * 0.15)
    assert system.stopped.value == pytest.approx(0.2 * 0.85 + 0.8 * 0.025)
    assert system.error.value == pytest.approx(system.wrong.value + system.stopped.value)


def test_one_stage_is_named_where_it_is_apart_and_two_where_they_are_not() -> None:
    apart = graph({"series": ["a", "b"]}, a={"errors": 60, "of": 200}, b={"errors": 2, "of": 200})
    near = graph({"series": ["a", "b"]}, a={"errors": 9, "of": 200}, b={"errors": 8, "of": 200})
    assert system_errors(apart, rates_of(apart), {})[0].first == ("a",)
    assert system_errors(near, rates_of(near), {})[0].first == ("a", "b")


def test_the_same_pipeline_gives_the_same_numbers() -> None:
    one = graph(CHAIN)
    assert system_errors(one, rates_of(one), {}) == system_errors(one, rates_of(one), {})


def simulated_systems(n: int):
    """Yield the true error of a system and counts drawn from it: mostly rare errors, small samples."""
    rng = np.random.default_rng(7)
    for _ in range(n):
        true = dict(zip(NAMES, rng.beta(1, [12, 6, 6, 12, 6, 12]), strict=True))
        sizes = {name: int(rng.integers(20, 300)) for name in NAMES}
        yield true, {name: (int(rng.binomial(sizes[name], true[name])), sizes[name]) for name in NAMES}


def test_the_interval_covers_the_true_error(capsys) -> None:
    """In 400 simulated systems."""
    one = graph(CHAIN)
    hits = 0
    for true, counts in simulated_systems(400):
        exact = outcome(one.pipeline, Given({k: np.array([v]) for k, v in true.items()}, {}, 0.0))
        rates = {name: Counted(k, n, n, "") for name, (k, n) in counts.items()}
        error = error_of(one, rates, {}, 0.0, draws=2000)
        hits += error.low <= 1 - exact.right[0] <= error.high
    low, high = clopper_pearson(hits, 400)
    with capsys.disabled():
        print(f"\ncoverage of the system's error: {hits}/400 = {hits / 4:.1f} % ({low:.1%} to {high:.1%})")
    assert high >= 0.95


def test_the_interval_of_a_long_chain_covers(capsys) -> None:
    rng, hops = np.random.default_rng(3), 12
    names = [f"s{n}" for n in range(hops)]
    one = Graph.model_validate(
        {"stages": {name: {"errors": 0, "of": 1} for name in names}, "pipeline": {"series": names}}
    )
    hits = 0
    for _ in range(200):
        true = rng.beta(1, 150, hops)
        counts = rng.binomial(100, true)
        rates = {name: Counted(int(k), 100, 100, "") for name, k in zip(names, counts, strict=True)}
        error = error_of(one, rates, {}, 0.0, draws=2000)
        hits += error.low <= 1 - np.prod(1 - true) <= error.high
    low, high = clopper_pearson(hits, 200)
    with capsys.disabled():
        print(f"\ncoverage over {hops} good stages: {hits}/200 = {hits / 2:.1f} % ({low:.1%} to {high:.1%})")
    assert high >= 0.95


def test_derivatives_agree_with_the_formula() -> None:
    """Of a verified stage e that is asked again: error = e m + e (1-m) e + (1-e) f e, m and f the judge's."""
    one = graph(
        {"verify": "a", "by": "judge", "caught": "retry", "correlation": 0.0}, a={"errors": 1, "of": 5}
    )
    (system,) = system_errors(one, rates_of(one), {})
    e, m, f = 0.2, 12 / 80, 3 / 120
    slopes = {gain.rate: gain.derivative.value for gain in system.gains}
    assert slopes["a"] == pytest.approx(m + 2 * e * (1 - m) + f - 2 * e * f, abs=1e-6)
    assert slopes["judge false accepts"] == pytest.approx(e - e * e, abs=1e-6)
    assert slopes["judge false rejects"] == pytest.approx(e * (1 - e), abs=1e-6)

"""An agent pipeline: the error of the whole from the errors of its stages."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sft_audit.chain.error import Naive, System, naive, system_errors
from sft_audit.chain.graph import Graph, Vote, read_graph, walk
from sft_audit.chain.outcome import unknown_correlations
from sft_audit.chain.rates import Rate, find_rates
from sft_audit.chain.snowball import Correlation, Snowball, measure_correlation, measure_snowball
from sft_audit.chain.trajectories import Trajectories, logged_rates, read_trajectories


@dataclass(frozen=True, slots=True)
class Chain:
    """A pipeline, the rates of its stages and verifiers, and what they make of the whole.

    `systems` is one, or two where some correlation is unknown. `logged` are the rates that the trajectories
    hold, whether or not the graph gives others.
    """

    graph: Graph
    rates: Mapping[str, Rate]
    systems: tuple[System, ...]
    naive: Naive
    unknown: tuple[str, ...]
    correlations: Mapping[str, Correlation]
    seen: Trajectories | None
    logged: Mapping[str, Rate]
    snowball: Snowball | None


def chain_error(file: str | Path, trajectories: str | Path | None = None) -> Chain:
    """Return the error of the pipeline that a YAML file describes, with its interval, and what to mend first.

    Rates that it does not give are read from `trajectories`, a JSON Lines file. Raises AuditError, in one
    line, where the file is no pipeline or a rate is measured nowhere.
    """
    graph = read_graph(Path(file))
    seen = None if trajectories is None else read_trajectories(Path(trajectories))
    logged = {} if seen is None else logged_rates(seen, graph)
    rates = find_rates(graph, logged)
    correlations = {} if seen is None else _correlations(graph, seen)
    elsewhere = {name: rates[name] for name, measured in graph.stages.items() if not measured.logged}
    return Chain(
        graph=graph,
        rates=rates,
        systems=system_errors(graph, rates, correlations),
        naive=naive(graph, {name: rates[name] for name in graph.stages}),
        unknown=unknown_correlations(graph, correlations),
        correlations=correlations,
        seen=seen,
        logged=logged,
        snowball=None if seen is None else measure_snowball(seen, graph, elsewhere),
    )


def _correlations(graph: Graph, seen: Trajectories) -> dict[str, Correlation]:
    """Return the correlation of the votes on each stage that is voted on and states none."""
    voted = {
        node.vote
        for node in walk(graph.pipeline)
        if isinstance(node, Vote) and isinstance(node.vote, str) and node.correlation is None
    }
    found = {stage: measure_correlation(seen, stage) for stage in sorted(voted)}
    return {stage: one for stage, one in found.items() if one is not None}

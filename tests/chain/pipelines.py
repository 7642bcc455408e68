"""Pipelines for tests: written as YAML, or made by Hypothesis."""

from pathlib import Path

import numpy as np
import yaml
from hypothesis import strategies as st

from sft_audit.chain.graph import Graph

COUNTS = {"errors": 7, "of": 200}
JUDGE = {"false_accepts": {"errors": 12, "of": 80}, "false_rejects": {"errors": 3, "of": 120}}


def graph(pipeline: object, **stages: object) -> Graph:
    """Return a graph of the stages, 7 errors of 200 each where nothing else is said, and a judge if asked."""
    text = repr(pipeline)
    names = [name for name in "abcd" if f"'{name}'" in text]
    content = {
        "stages": {name: stages.get(name, COUNTS) for name in names},
        "verifiers": {"judge": JUDGE} if "'judge'" in text else {},
        "pipeline": pipeline,
    }
    return Graph.model_validate(content)


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return path


def column(**rates: float) -> dict[str, np.ndarray]:
    """Return rates as arrays of one draw; `fa` and `fr` are those of the judge."""
    names = {"fa": "judge false accepts", "fr": "judge false rejects"}
    return {names.get(name, name): np.array([value]) for name, value in rates.items()}


correlations = st.one_of(st.none(), st.sampled_from([0.0, 1.0]), st.floats(0, 1))
nodes = st.recursive(
    st.sampled_from("abcd"),
    lambda part: st.one_of(
        st.builds(lambda parts: {"series": parts}, st.lists(part, min_size=1, max_size=3)),
        st.builds(
            lambda one, n, c: {"vote": one, "n": n, "correlation": c}, part, st.integers(1, 5), correlations
        ),
        st.builds(
            lambda one, tries, end, c: {
                "retry": one,
                "by": "judge",
                "tries": tries,
                "exhausted": end,
                "correlation": c,
            },
            part,
            st.integers(1, 4),
            st.sampled_from(["last", "stop"]),
            correlations,
        ),
        st.builds(
            lambda one, caught, c: {"verify": one, "by": "judge", "caught": caught, "correlation": c},
            part,
            st.sampled_from(["stop", "retry"]),
            correlations,
        ),
    ),
    max_leaves=4,
)

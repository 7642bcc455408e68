"""A pipeline as people write it, with the mistakes that they make."""

from pathlib import Path

import pytest
from pipelines import COUNTS, JUDGE, write

from sft_audit.chain.graph import Verify, Vote, read_graph
from sft_audit.chain.rates import Counted, find_rates
from sft_audit.errors import AuditError

A = "stages: {a: {errors: 7, of: 200}}\n"
J = "verifiers: {j: {false_accepts: {errors: 1, of: 4}, false_rejects: {errors: 1, of: 9}}}\n"
LAUGHS = "a: &a [x, x, x, x]\n" + "".join(
    f"{key}: &{key} [*{below}, *{below}, *{below}, *{below}]\n"
    for below, key in zip("abcdef", "bcdefg", strict=True)
)


def test_a_pipeline_is_read_as_it_is_written(tmp_path: Path) -> None:
    pipeline = {"series": [{"vote": "a", "n": 5}, {"verify": "a", "by": "judge", "caught": "stop"}]}
    content = {"stages": {"a": COUNTS}, "verifiers": {"judge": JUDGE}, "pipeline": pipeline}
    one = read_graph(write(tmp_path / "p.yaml", content))
    vote, verify = one.pipeline.series
    assert (vote, verify.caught, verify.by) == (Vote(vote="a", n=5), "stop", "judge")
    assert isinstance(verify, Verify)
    assert one.hops() == ("a", "a")
    assert find_rates(one, {})["judge false accepts"] == Counted(12, 80, 80, "counts")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stages: {a: {eror: 7, of: 200}}\npipeline: a", "stages.a.eror: unknown key; did you mean 'error'?"),
        ("stage: {}\npipeline: a", "stage: unknown key; did you mean 'stages'?"),
        ("stages: {a: {errors: 7, off: 200}}\npipeline: a", "YAML reads this key as False"),
        ("stages: {a: {error: {low: 0.1, value: 1.2, high: 1.3}}}\npipeline: a", "1.2 is no share"),
        ("stages: {a: {error: {low: 0.3, value: 0.2, high: 0.4}}}\npipeline: a", "must stand in this order"),
        ("stages: {a: {error: {low: .nan, value: 0.2, high: 0.4}}}\npipeline: a", "finite number"),
        ("stages: {a: 0.04}\npipeline: a", "a rate without an interval"),
        ("stages: {a: {error: 0.04}}\npipeline: a", "a rate without an interval"),
        ("stages: {a: {errors: 7}}\npipeline: a", "`errors` and `of` go together"),
        ("stages: {a: {errors: 300, of: 200}}\npipeline: a", "more errors than answers"),
        ("stages: {a: {errors: -1, of: 200}}\npipeline: a", "greater than or equal to 0 (got -1)"),
        ("stages: {a: {errors: 1, of: 2, audit: x, check: y}}\npipeline: a", "two sources of one rate"),
        ("stages: {a: }\npipeline: a", "a: no rate is given and no trajectory judges it"),
        (A + "pipeline: {vote: a, n: -3}", "pipeline.n: input should be greater than or equal to 1 (got -3)"),
        (A + "pipeline: {vote: a, m: 3}", "pipeline.m: unknown key; did you mean 'n'?"),
        (A + "pipeline: {vote: a, n: 3, correlation: 2}", "pipeline.correlation"),
        (A + "pipeline: {vote: a, retry: a}", "one of series, vote, retry, verify"),
        (A + "pipeline: [a, a]", "a list of parts is `series: [...]`"),
        (A + "pipeline: {series: []}", "pipeline.series"),
        (A + "pipeline: aa", "no stage is called 'aa'; did you mean 'a'?"),
        (A, "pipeline is missing"),
        (A + "pipeline: &p {series: [a, *p]}", "an alias within its own anchor"),
        (A + "pipeline: {retry: a, by: a, tries: 2}", "does not say which way it errs"),
        (A + J + "pipeline: {verify: a, by: jj, caught: stop}", "did you mean 'j'?"),
        (A + J + "pipeline: {verify: a, by: j, caught: halt}", "'stop' or 'retry' (got 'halt')"),
        (A + J + "pipeline: a", "'j' is used nowhere"),
        (A + "verifiers: {a: }\npipeline: {verify: a, by: a, caught: stop}", "is a stage and a verifier"),
        (A + "verifiers: {j: {recall: {errors: 1, of: 4}}}\npipeline: a", "1 - recall"),
        ("stages: {a: {errors: 1, of: 3}, a: {errors: 2, of: 3}}\npipeline: a", "'a' stands there twice"),
        ("stages: {1: {errors: 1, of: 3}}\npipeline: 1", "valid string (got 1)"),
        ("", "expected a mapping with `stages` and `pipeline`"),
        ("stages: {a: [", "not YAML"),
        ("stages: !!python/object/apply:os.system [ls]", "not YAML"),
        ("? [a]\n: 1", "not YAML"),
        ("[" * 3000 + "]" * 3000, "levels deep"),
        ("[" * 50 + "]" * 50, "levels deep"),
        (LAUGHS, "2,000 values"),
        ("#" * (1 << 20) + "##", "1 MiB"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_write(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(AuditError) as fault:
        find_rates(read_graph(write(tmp_path / "p.yaml", text)), {})
    assert said in str(fault.value)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("given", ["none.yaml", "."])
def test_what_is_no_file_is_said(tmp_path: Path, given: str) -> None:
    with pytest.raises(AuditError, match="give a YAML file"):
        read_graph(tmp_path / given)


def test_what_is_not_utf_8_is_said(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_bytes("stages: é".encode("latin-1"))
    with pytest.raises(AuditError, match="not UTF-8"):
        read_graph(tmp_path / "p.yaml")

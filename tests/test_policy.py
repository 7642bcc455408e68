"""From evidence to verdict."""

from dataclasses import replace
from pathlib import Path

import pytest

from sft_audit.errors import AuditError
from sft_audit.interval import Rate
from sft_audit.policy import Evidence, Policy, Rule, judge, load_policy


def evidence(state: str = "gathered", k: int = 0, n: int = 100, *, preview: bool = False) -> Evidence:
    return Evidence("INT101", "malformed-row", "integrity", state, preview, Rate(k, n, n), k)


def drawn(k: int, n: int, of: int = 20_000) -> Evidence:
    return Evidence("INT101", "malformed-row", "integrity", "gathered", False, Rate(k, n, of), k)


def rule(basis: str, **limits: float) -> Policy:
    return Policy(rules=(Rule(check="INT101", basis=basis, source="a source", **limits),))


def test_nothing_beyond_a_threshold_passes() -> None:
    verdict = judge(rule("code", review_above=0.0, block_above=0.1), [evidence()], readable=100)
    assert (verdict.outcome, verdict.reasons, verdict.exit_code()) == ("PASS", [], 0)


def test_beyond_the_review_threshold_reviews() -> None:
    verdict = judge(rule("code", review_above=0.0, block_above=0.1), [evidence(k=5)], readable=100)
    assert verdict.outcome == "REVIEW"
    assert "5 of 100 samples (5.00%); the limit is 0.00% (code: a source)" in verdict.reasons[0]
    assert (verdict.exit_code(), verdict.exit_code("review")) == (0, 1)


def test_beyond_the_blocking_threshold_blocks() -> None:
    verdict = judge(rule("code", review_above=0.0, block_above=0.1), [evidence(k=11)], readable=100)
    assert (verdict.outcome, verdict.axes["integrity"], verdict.exit_code()) == ("BLOCK", "BLOCK", 1)


def test_a_preview_check_reviews_where_it_would_block() -> None:
    verdict = judge(rule("code", block_above=0.1), [evidence(k=50, preview=True)], readable=100)
    assert verdict.outcome == "REVIEW"


@pytest.mark.parametrize("state", ["crashed", "incomplete"])
def test_what_could_not_look_is_unknown(state: str) -> None:
    verdict = judge(Policy(), [evidence(state)], readable=100)
    assert (verdict.outcome, verdict.exit_code()) == ("UNKNOWN", 3)


def test_what_was_not_asked_is_listed_and_does_not_count() -> None:
    asked = replace(evidence(), check="MOD501", axis="readiness")
    verdict = judge(rule("code", block_above=0.0), [evidence("not asked"), asked], readable=100)
    assert (verdict.outcome, verdict.not_asked, verdict.axes["integrity"]) == ("PASS", ("INT101",), None)


def test_nothing_that_could_be_looked_at_is_no_pass() -> None:
    assert judge(Policy(), [evidence("not asked")], readable=100).outcome == "UNKNOWN"


def test_what_the_policy_requires_and_was_not_asked_is_unknown() -> None:
    assert judge(Policy(required=("INT101",)), [evidence("not asked")], readable=100).outcome == "UNKNOWN"
    assert judge(Policy(required=("INT101",)), [], readable=100).outcome == "UNKNOWN"


def test_nothing_readable_is_unknown() -> None:
    assert judge(Policy(), [evidence()], readable=0).outcome == "UNKNOWN"


def test_a_block_is_worse_than_an_unknown() -> None:
    blocked = Evidence("INT102", "missing-image", "integrity", "gathered", False, Rate(9, 10, 10), 9)
    policy = Policy(rules=(Rule(check="INT102", block_above=0.5),))
    assert judge(policy, [evidence("crashed"), blocked], readable=10).outcome == "BLOCK"


def test_a_sampled_rate_decides_by_its_upper_bound() -> None:
    sampled = drawn(1, 100)
    verdict = judge(rule("code", review_above=0.0, block_above=0.05), [sampled], readable=100)
    assert sampled.rate.value < 0.05 < sampled.rate.high
    assert verdict.outcome == "BLOCK"


def test_a_draw_in_which_nothing_was_flagged_asks_for_a_larger_one() -> None:
    verdict = judge(rule("code", review_above=0.0, block_above=0.005), [drawn(0, 700)], readable=1400)
    assert verdict.outcome == "REVIEW"
    assert verdict.reasons[0].endswith(
        "none of 700 samples is flagged, but up to 0.53% of all may be; the limit is 0.50% (code: a source); "
        "about 1,500 rows without one would settle it, or audit the whole set"
    )
    settled = judge(rule("code", review_above=0.0, block_above=0.005), [drawn(0, 750)], readable=1500)
    assert (settled.outcome, settled.reasons) == ("PASS", [])


def test_a_draw_that_only_the_whole_set_would_settle() -> None:
    verdict = judge(rule("code", block_above=0.005), [drawn(0, 50, of=150)], readable=50)
    assert verdict.reasons[0].endswith("; audit the whole set to settle it")


@pytest.mark.parametrize(
    ("limits", "outcome"),
    [
        ({"review_above": 0.0}, "PASS"),
        ({"review_above": 0.001}, "REVIEW"),
        ({"review_above": 0.001, "block_above": 0.1}, "PASS"),
        ({"block_above": 0.0}, "PASS"),
    ],
)
def test_where_nothing_was_flagged_only_the_foremost_limit_above_zero_counts(
    limits: dict[str, float], outcome: str
) -> None:
    assert judge(rule("code", **limits), [drawn(0, 700)], readable=700).outcome == outcome


def test_a_policy_may_name_checks_in_either_way(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "required: [malformed-row]\nrules: [{check: malformed-row, block_above: 0.1}, {check: int102}]"
    )
    policy = load_policy(own)
    assert policy.required == ("INT101",)
    assert [r.check for r in policy.rules[-2:]] == ["INT101", "INT102"]
    assert [r.block_above for r in policy.rules if r.check == "INT101"] == [0.1]
    assert judge(policy, [evidence(k=50)], readable=100).outcome == "BLOCK"


def test_none_of_the_packaged_rules_is_the_users() -> None:
    assert {r.basis for r in load_policy(None).rules} == {"published", "code", "toy-calibrated", "default"}


@pytest.mark.parametrize("basis", ["toy-calibrated", "default"])
def test_a_threshold_without_a_source_cannot_block(basis: str) -> None:
    with pytest.raises(ValueError, match="never block"):
        Rule(check="INT101", basis=basis, block_above=0.1)


@pytest.mark.parametrize("measure", ["any", "score"])
def test_a_users_rule_replaces_all_of_ours_for_that_check(tmp_path: Path, measure: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(f"rules: [{{check: INT101, measure: {measure}, block_above: 10}}]")
    rules = [r for r in load_policy(own).rules if r.check == "INT101"]
    assert [(r.block_above, r.basis) for r in rules] == [(10, "user")]
    assert len(load_policy(own).rules) == len(load_policy(None).rules)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules: [{chek: INT101}]", "did you mean 'check'"),
        ("ruels: []", "did you mean 'rules'"),
        ("rules: [", "not YAML"),
        ("rules: [{check: INT101, basis: toy-calibrated, block_above: 0}]", "never block"),
        ("rules: [{check: INT999, block_above: 0}]", "INT999"),
    ],
)
def test_a_wrong_policy_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(text)
    with pytest.raises(AuditError) as fault:
        load_policy(own)
    assert message in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_policy_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_bytes(b"rules: [] # \xff")
    with pytest.raises(AuditError, match="not UTF-8"):
        load_policy(own)


def test_a_policy_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="give a policy file"):
        load_policy(tmp_path / "none.yaml")


@pytest.mark.parametrize("limit", ["review_above", "block_above"])
def test_a_limit_that_is_not_a_number_is_refused(tmp_path: Path, limit: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(f"rules:\n  - {{check: INT101, {limit}: .nan}}\n")
    with pytest.raises(AuditError, match=f"{limit}.*number"):
        load_policy(file)

import pytest

from sft_audit.audit import Outcome
from sft_audit.interval import Rate, wilson
from sft_audit.policy import Evidence, Policy, Rule, judge
from sft_audit.report.advice import advise
from sft_audit.report.sources import Blind, Source

NAME = "INT101"


def source(**changed):
    fields = {
        "name": "s",
        "rows": 1000,
        "malformed": 0,
        "images": 1,
        "supervised_tokens": 9,
        "blind": None,
        "not_scored": 0,
    }
    return Source(**fields | {"polluted": Rate(0, 1000), "text_only": Rate(0, 1000)} | changed)


def outcome(rule, findings=500, score=0.9):
    found = Evidence(
        rule.check, "a-check", "integrity", "gathered", False, Rate(findings, 1000, 1000), findings, score
    )
    return Outcome((found,), judge(Policy(rules=(rule,)), (found,), 1000), {}, {})


def rule(check=NAME, **limits):
    return Rule(check=check, source="a paper", **limits)


def test_a_source_without_findings_is_kept():
    assert advise(source(), {}, outcome(rule(block_above=0.1)))[0] == "keep"


def test_a_threshold_that_may_block_and_a_remedy_mean_fix():
    advice, reason = advise(source(), {NAME: 500}, outcome(rule(block_above=0.1)))
    assert advice == "fix"
    assert reason == "INT101 flags 500 of 1,000 rows, above 10.0 % (user)"


def test_a_threshold_must_be_exceeded_by_the_lower_end_of_the_interval():
    asked = outcome(rule(block_above=0.1))
    assert wilson(110, 1000)[0] < 0.1 < 110 / 1000
    assert advise(source(), {NAME: 110}, asked)[0] == "keep"


def test_one_row_is_enough_where_the_rule_says_any():
    assert advise(source(), {NAME: 1}, outcome(rule(measure="any", block_above=0)))[0] == "fix"


def test_a_threshold_that_may_only_review_means_review():
    default = rule(review_above=0.1, basis="default")
    assert advise(source(), {NAME: 500}, outcome(default))[0] == "review"


def test_text_only_sources_are_reviewed_where_text_dominates_the_whole():
    dominated = outcome(rule("MOD501", measure="score", review_above=0.5, basis="toy-calibrated"))
    advice, reason = advise(source(text_only=Rate(900, 1000)), {}, dominated)
    assert (advice, reason) == (
        "review",
        "text dominates the whole set and 90.0 % of these rows are text only",
    )
    assert advise(source(text_only=Rate(100, 1000)), {}, dominated)[0] == "keep"


@pytest.mark.parametrize(("low", "advice"), [(0.05, "keep"), (0.15, "review")])
def test_a_language_prior_asks_for_review_by_its_lower_end(low, advice):
    blind = Blind(900, 0.7, 0.7, 0.5, 0.4, low, 0.6, 0.4, low, 0.6)
    prior = outcome(rule("GRD204", measure="score", review_above=0.1, basis="default"))
    assert advise(source(blind=blind), {}, prior)[0] == advice


@pytest.mark.parametrize(("question_high", "advice"), [(0.2, "fix"), (0.5, "keep")])
def test_a_leaking_field_is_fixed_in_the_sources_where_it_leaks(question_high, advice):
    blind = Blind(900, 0.9, 0.55, 0.5, 0.8, 0.4, 0.9, 0.1, 0.0, question_high)
    leak = outcome(rule("GRD203", measure="any", block_above=0))
    assert advise(source(blind=blind), {}, leak)[0] == advice

"""A function that cannot read some answers is blamed for these, and not once for each spelling."""

import json

from sft_audit.example import ANSWERS
from sft_audit.session import audit_reward

DIGITS = """
def reward(completions, solution, **columns):
    texts = [c[0]["content"].strip() for c in completions]
    return [float(s.isdigit() and t == s or s == "$1<x<2$") for t, s in zip(texts, solution)]
"""


def test_answers_that_no_spelling_gets_paid_are_named_by_kind_and_by_no_spelling(tmp_path):
    (tmp_path / "digits.py").write_text(DIGITS, encoding="utf-8")
    (tmp_path / "rows.json").write_text(json.dumps(ANSWERS), encoding="utf-8")
    report = audit_reward(
        f"{tmp_path / 'digits.py'}:reward", tmp_path / "rows.json", out=tmp_path / "audit", workers=1
    )
    found = report.findings.to_pylist()
    unread = [json.loads(one["evidence"]) for one in found if one["check"] == "RWD115"]
    assert "yes_no" in {one["key"] for one in unread}
    assert "count" not in {one["key"] for one in unread}
    spellings = {json.loads(one["evidence"])["key"] for one in found if one["check"] == "RWD103"}
    assert "punctuation" in spellings
    assert not spellings & {"case", "language", "option_letter", "exact"}

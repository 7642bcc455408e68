"""How a check's examples are put to it, where they are rows of tables."""

import pytest

from sft_audit.report.pages import _example
from sft_audit.testing import findings_of

OVERLAP = {"sample_id": "a", "file": "mmmu.json", "position": 7, "alike": "text"}


def test_rows_of_tables_are_put_into_tables_that_recorders_declare() -> None:
    (found,) = findings_of("SIG103", {"eval_overlaps": [OVERLAP]})
    assert found["sample_id"] == "a"
    assert "mmmu.json row 7" in found["message"]
    assert findings_of("SIG103", {"eval_overlaps": []}) == []


def test_rows_that_the_check_would_not_see_are_refused() -> None:
    with pytest.raises(ValueError, match="sft_overlaps, a table that it does not say it reads"):
        findings_of("SIG103", {"sft_overlaps": [OVERLAP]})
    with pytest.raises(ValueError, match="lines, which is no column of eval_overlaps"):
        findings_of("SIG103", {"eval_overlaps": [{**OVERLAP, "lines": 7}]})


def test_a_page_shows_them_by_table() -> None:
    assert _example({"eval_overlaps": [OVERLAP]}).startswith('`eval_overlaps`:\n\n```json\n{"sample_id": "a"')

import json
from io import StringIO

import pytest
from rich.console import Console

from sft_audit.report.terminal import summary
from sft_audit.session import audit_data

ROWS = [
    {"id": str(n), "conversations": [{"from": "human", "value": "Is it?"}, {"from": "gpt", "value": "Yes."}]}
    for n in range(5)
]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("terminal")
    text = json.dumps(ROWS)
    (folder / "rows.json").write_text(text[:-1] + ', {"id": 6, "conv', encoding="utf-8")
    return audit_data(folder / "rows.json", out=folder / "audit", select=("INT101",), workers=1)


def shown(report, width):
    console = Console(width=width, file=StringIO(), color_system=None)
    console.print(summary(report))
    return console.file.getvalue()


def test_verdict_reasons_wounds_findings_and_the_way_on(report):
    text = shown(report, 200)
    assert text.startswith("BLOCK")
    assert "INT101 malformed-row" in text
    assert "3. Text outweighs sight:" in text
    assert "not asked 1. Answers that need no image:" in text
    assert str(report.folder / "report.html") in text


@pytest.mark.parametrize("width", [30, 60])
def test_a_narrow_terminal_loses_no_words(report, width):
    text = shown(report, width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "malformed-row" in text.replace("\n", "")


def test_the_wounds_stand_in_the_verdict(report):
    wounds = json.loads((report.folder / "verdict.json").read_text(encoding="utf-8"))["wounds"]
    assert [w["number"] for w in wounds] == [1, 2, 3]
    assert wounds[0]["value"] is None
    assert wounds[2]["value"] == 1.0

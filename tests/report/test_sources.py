import csv

import pytest

from sft_audit.interval import Rate
from sft_audit.report.sources import Source, write_csv


def test_the_sheet_has_every_source_with_rates_and_intervals(folder):
    with (folder / "sources.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["source"] for row in rows][:3] == ["coco_captions", "vqa_templates", "sharegpt"]
    assert sum(int(row["rows"]) for row in rows) == 2000
    text = next(row for row in rows if row["source"] == "sharegpt")
    assert (text["text_only_share"], text["advice"], text["blind_scored"]) == ("1.000000", "review", "0")
    for row in rows:
        assert float(row["polluted_low"]) <= float(row["polluted_share"]) <= float(row["polluted_high"])


@pytest.mark.parametrize("name", ["=1+1", "+cmd", "-2", "@sum(A1)", " =1", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(tmp_path, name):
    write_csv(tmp_path / "sources.csv", [Source(name, 1, 0, 0, 1, None, 0, Rate(0, 1), Rate(1, 1))])
    with (tmp_path / "sources.csv").open(encoding="utf-8", newline="") as file:
        cell = list(csv.reader(file))[1][0]
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))

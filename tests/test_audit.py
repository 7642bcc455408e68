"""Record, check, judge: waivers, baselines, selections, and what happens when a part breaks."""

import json
import os
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from rows import row, write

import sft_audit.check as check_module
from sft_audit import AuditError, audit_data
from sft_audit.check import Check, Relation, Tables, all_checks
from sft_audit.checks.data.leaking_field import leaking_field
from sft_audit.config import parse_config
from sft_audit.errors import OutOfSpace
from sft_audit.report.ledger import Waived, read_waived
from sft_audit.store import Store
from sft_audit.tables import SCHEMA_VERSION
from sft_audit.testing import make_images

TWICE = [row(id="a"), row(id="a"), row("<image>\nWhere?", "Indoors, in a kitchen.", id="b")]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    make_images(tmp_path / "images")
    return write(tmp_path / "rows.json", TWICE)


def audit(data: Path, **options: object):
    defaults = {"images": data.parent / "images", "out": data.parent / "audit", "workers": 1}
    return audit_data(data, **{**defaults, **options})


def test_every_row_is_accounted_for(data: Path) -> None:
    report = audit(data)
    assert (report.samples, report.malformed, report.images) == (3, 0, 1)


def test_findings_can_be_joined_back_to_the_file(data: Path) -> None:
    found = audit(data, select=("DUP601",)).findings.to_pylist()
    assert [(f["check"], f["id"], f["file"], f["position"]) for f in found] == [
        ("DUP601", "a", "rows.json", 2)
    ]


def test_a_selection_leaves_the_rest_not_asked_and_opens_no_image(data: Path) -> None:
    twice = [row("<image>\nIs it day?", answer) for answer in ("Yes", "No")]
    report = audit(write(data, twice), select=("CON",))
    verdict = json.loads((report.folder / "verdict.json").read_text())
    assert {e["check"] for e in report.evidence} == {code for code in all_checks() if code.startswith("CON")}
    assert report.counts == {"CON401": 2}
    assert "DUP601" in verdict["not_asked"]
    assert report.images == 0


def test_a_check_with_nothing_to_look_at_was_not_asked(data: Path) -> None:
    report = audit(data, select=("GRD202",))
    verdict = json.loads((report.folder / "verdict.json").read_text())
    assert "GRD202" in verdict["not_asked"]
    assert verdict["axes"]["blindness"] is None


def test_an_ignored_check_is_not_asked(data: Path) -> None:
    verdict = json.loads((audit(data, ignore_checks=("DUP601",)).folder / "verdict.json").read_text())
    assert "DUP601" in verdict["not_asked"]
    assert "DUP601" not in verdict["findings"]


@pytest.mark.parametrize("field", ["select", "ignore_checks"])
def test_an_unknown_check_names_the_nearest(data: Path, field: str) -> None:
    with pytest.raises(AuditError, match="did you mean DUP601"):
        audit(data, **{field: ("DUP6O1",)})


def waiver(**fields: object) -> dict:
    until = date.today() + timedelta(days=1)  # noqa: DTZ011 - any time zone will do
    return {"check": "DUP601", "reason": "frames", "who": "mira", "until": until, **fields}


def test_a_waiver_is_counted_and_does_not_count_against(data: Path) -> None:
    report = audit(data, select=("DUP601",), ignore=(waiver(),))
    verdict = json.loads((report.folder / "verdict.json").read_text())
    assert (verdict["findings"], verdict["ignored"], report.verdict) == ({}, {"DUP601": 1}, "PASS")
    assert [f["status"] for f in report.findings.to_pylist()] == ["ignored"]


@pytest.mark.parametrize("check", ["dup601", "duplicate-sample", "dup"])
def test_a_waiver_names_a_check_or_a_family(data: Path, check: str) -> None:
    assert audit(data, select=("DUP601",), ignore=(waiver(check=check),)).counts == {}


SKEWED = [row("<image>\nIs it day?", "Yes", source=name, id=f"{name}{n}") for name in "ab" for n in range(60)]


def test_a_waiver_for_a_source_covers_what_is_about_the_source(data: Path) -> None:
    options = {"min_answers": 50, "min_excess": -1.0}
    waived = (waiver(check="BAL901", source="a"),)
    report = audit(
        write(data, SKEWED), select=("BAL901",), checks={"BAL901": options}, ignore=waived, thumbnails=False
    )
    status = {json.loads(f["evidence"])["source"]: f["status"] for f in report.findings.to_pylist()}
    assert status == {"a": "ignored", "b": "open"}
    assert [one.findings for one in waived_in(report.folder, waived)] == [1]


def waived_in(folder: Path, ignore: tuple[dict, ...]) -> tuple[Waived, ...]:
    store = Store(folder, "1GB", 1, read_only=True)
    try:
        return read_waived(store, parse_config({"data": "x", "ignore": ignore}, "test"))
    finally:
        store.close()


def leaks(folder: Path, measured: list[dict]) -> list[tuple[float, dict]]:
    """Return score and evidence of what GRD203 finds in these rows of `blind_fields`."""
    store = Store(folder, "1GB", 1)
    for one in measured:
        store.execute(
            """
            insert into blind_fields by name
            select
                'file name' as field, 'colour' as answer_kind, $source as source, 300 as n, 'x' as example,
                $added[1] as bits_added, $added[2] as low_added, $added[3] as q_added,
                $removed[1] as bits_removed, $removed[2] as low_removed, $removed[3] as q_removed
            """,
            {"source": None, "added": [0.4, 0.3, 0.001], "removed": [0.4, 0.3, 0.001], **one},
        )
    asked = leaking_field(Tables())
    found = [(row[2], json.loads(row[-1])) for row in store.rows(asked.sql, asked.values)]
    store.close()
    return found


@pytest.mark.parametrize(
    ("sources", "named"), [(["a"], "a"), (["a", "a"], "a"), (["a", "b"], None), ([None, "a"], None)]
)
def test_a_leaking_field_is_about_a_source_where_it_leaks_in_no_other(
    tmp_path: Path, sources: list, named: str | None
) -> None:
    ((_, evidence),) = leaks(tmp_path, [{"source": source} for source in sources])
    assert evidence["source"] == named


@pytest.mark.parametrize(
    ("added", "removed", "score"),
    [
        ([0.15, 0.04, 0.001], [0.15, 0.04, 0.001], None),  # more than the level, and not surely
        ([0.15, 0.11, 0.001], [0.05, 0.01, 0.001], 0.15),
        ([0.4, 0.3, 0.2], [0.2, 0.15, 0.001], 0.2),  # of two measures, the one that is not chance
    ],
)
def test_a_field_leaks_where_it_surely_tells_more_than_the_level(
    tmp_path: Path, added: list, removed: list, score: float | None
) -> None:
    found = leaks(tmp_path, [{"added": added, "removed": removed}])
    assert [one for one, _ in found] == ([] if score is None else [pytest.approx(score)])


@pytest.mark.parametrize("fields", [{"until": date(2020, 1, 1)}, {"source": "another"}])
def test_a_waiver_that_is_over_or_for_another_source_does_nothing(data: Path, fields: dict) -> None:
    assert audit(data, select=("DUP601",), ignore=(waiver(**fields),)).counts == {"DUP601": 1}


def test_a_waiver_for_an_unknown_check_is_refused(data: Path) -> None:
    with pytest.raises(AuditError, match="no such check"):
        audit(data, ignore=(waiver(check="DUP699"),))


def test_only_what_is_new_counts_beside_a_baseline(data: Path) -> None:
    old = audit(data, select=("DUP601",), out=data.parent / "old")
    write(data, [row("<image>\nNew?", "Yes, new.", id="c"), *TWICE, TWICE[2]])
    new = audit(data, select=("DUP601",), baseline=old.folder)
    assert [(f["position"], f["status"]) for f in new.findings.to_pylist()] == [(3, "known"), (5, "open")]
    assert new.counts == {"DUP601": 1}


@pytest.mark.parametrize(("texts", "counts"), [(7, {}), (6, {}), (8, {"MOD501": 1})])
def test_a_finding_about_the_whole_that_grew_is_new(data: Path, texts: int, counts: dict) -> None:
    def rows(text_only: int) -> list[dict]:
        return [row("What is this?" if n < text_only else "<image>\nWhat is this?") for n in range(10)]

    for one in (written := rows(7))[:7]:
        del one["image"]
    old = audit(write(data, written), select=("MOD501",), out=data.parent / "old")
    assert old.counts == {"MOD501": 1}
    for one in (written := rows(texts))[:texts]:
        del one["image"]
    assert audit(write(data, written), select=("MOD501",), baseline=old.folder).counts == counts


def test_a_baseline_of_another_schema_is_refused_before_the_work(data: Path) -> None:
    old = audit(data, select=("DUP601",), out=data.parent / "old")
    manifest = old.folder / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"schema_version": SCHEMA_VERSION - 1}))
    with pytest.raises(AuditError, match="run `sft-audit data` again") as fault:
        audit(data.parent / "none.json", baseline=old.folder)
    assert "\n" not in str(fault.value)


def test_the_space_for_what_lies_in_a_folder_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "rows.json").touch()
    os.truncate(tmp_path / "rows.json", shutil.disk_usage(tmp_path).free)
    with pytest.raises(OutOfSpace):
        audit(tmp_path, out=tmp_path / "audit", images=None)


def broken(db: check_module.Tables) -> Relation:
    """Raises."""
    return db.sql("select no_such_column from samples")


def test_a_crashed_check_is_unknown_and_hides_nothing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = dict(all_checks())
    duplicate = whole["DUP601"]
    fields = {name: getattr(duplicate, name) for name in Check.__slots__}
    whole["INT999"] = Check(
        **{**fields, "code": "INT999", "name": "broken", "ask": broken, "reads": ("samples",)}
    )
    monkeypatch.setattr(check_module, "all_checks", lambda: whole)
    monkeypatch.setattr("sft_audit.audit.all_checks", lambda: whole)
    report = audit(data, select=("INT999", "DUP601"))
    assert (report.verdict, report.exit_code) == ("UNKNOWN", 3)
    assert report.counts == {"DUP601": 1}
    assert "no_such_column" in report.faults["INT999"]


@pytest.mark.parametrize(
    ("checks", "message"),
    [
        ({"CON401": {"max_liste": 3}}, "did you mean 'max_listed'"),
        ({"CON999": {}}, "no such check"),
        ({"CON401": {"max_listed": "two"}}, "expected a value like"),
    ],
)
def test_a_wrong_option_is_one_line(data: Path, checks: dict, message: str) -> None:
    with pytest.raises(AuditError) as fault:
        audit(data, checks=checks)
    assert message in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_draw_keeps_count_of_the_whole(data: Path) -> None:
    rows = [row(answer=f"Answer {n}.", id=str(n), source=f"s{n % 2}") for n in range(100)]
    report = audit(write(data, rows), sample=10, select=("INT101",))
    (evidence,) = report.evidence
    assert (evidence["of"], report.samples) == (10, 10)
    assert evidence["high"] > 0.2
    (file,) = json.loads((report.folder / "manifest.json").read_text())["inputs"]
    assert (file["rows"], file["audited"]) == (100, 10)

"""Comparisons in every spelling, what is done with bad ones, and rejected responses found as targets."""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sft_audit import audit_data
from sft_audit.errors import AuditError
from sft_audit.record.places import ImageRoot
from sft_audit.record.preferences import _content
from sft_audit.sample import ImageRef
from sft_audit.session import Report
from sft_audit.store import Store
from sft_audit.testing import findings_of, make_images

GOOD = "A kitchen with two mugs on a wooden table."
BAD = "A kitchen with three mugs and a cat on a wooden table."


def lines(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def row(answer: str, image: str | None = "kitchen.jpg", question: str = "Describe the image.") -> dict:
    asked = f"<image>\n{question}" if image else question
    turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": answer}]
    return {"conversations": turns} | ({"image": image} if image else {})


def pair(
    rejected: str,
    chosen: str = GOOD,
    image: str | None = "kitchen.jpg",
    question: str = "Describe the image.",
) -> dict:
    asked = {"question": question, "chosen": chosen, "rejected": rejected}
    return asked | ({"image": image} if image else {})


def audited(folder: Path, preferences: Path, rows: list[dict]) -> Report:
    make_images(folder / "images")
    data = folder / "rows.json"
    data.write_text(json.dumps(rows), encoding="utf-8")
    return audit_data(
        data,
        images=folder / "images",
        out=folder / "audit",
        preferences=(preferences,),
        select=("PRF303",),
        workers=1,
    )


def recorded(folder: Path, preferences: Path) -> list[tuple]:
    report = audited(folder, preferences, [row(GOOD)])
    store = Store(report.folder, "1GB", 1, read_only=True)
    rows = store.rows("select uri, image_id, prompt, chosen, rejected from preferences order by pair_id")
    store.close()
    return rows


SPELLINGS = {
    "question, chosen, rejected": pair(BAD),
    "RLHF-V": {
        "image": "kitchen.jpg",
        "text": json.dumps({"question": "Describe the image.", "chosen": GOOD, "rejected": BAD}),
    },
    "TRL": {
        "prompt": [{"role": "user", "content": "Describe the image."}],
        "chosen": [{"role": "assistant", "content": GOOD}],
        "rejected": [{"role": "assistant", "content": BAD}],
        "images": ["kitchen.jpg"],
    },
    "LLaMA-Factory": {
        "conversations": [{"from": "human", "value": "<image>Describe the image."}],
        "chosen": {"from": "gpt", "value": GOOD},
        "rejected": {"from": "gpt", "value": BAD},
        "images": ["kitchen.jpg"],
    },
    "ms-swift": {
        "messages": [
            {"role": "user", "content": "<image>Describe the image."},
            {"role": "assistant", "content": GOOD},
        ],
        "images": ["kitchen.jpg"],
        "rejected_response": BAD,
    },
    "LLaVA-RLHF": {
        "image": "kitchen.jpg",
        "conversations": [
            {"from": "human", "value": "<image>\nDescribe the image."},
            {"from": "gpt", "value": "-"},
        ],
        "output_1": {"from": "llava", "value": BAD},
        "output_2": {"from": "llava", "value": GOOD},
        "preference": 2,
    },
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_the_same_comparison(tmp_path: Path, spelling: str) -> None:
    found = recorded(tmp_path, lines(tmp_path / "pairs.jsonl", [SPELLINGS[spelling]]))
    assert [(uri, *texts) for uri, _, *texts in found] == [("kitchen.jpg", "Describe the image.", GOOD, BAD)]
    assert found[0][1] is not None


def test_parquet_with_embedded_images(tmp_path: Path) -> None:
    make_images(tmp_path / "pictures")
    image = {"bytes": (tmp_path / "pictures" / "kitchen.jpg").read_bytes(), "path": None}
    table = pa.Table.from_pylist([pair(BAD) | {"image": image}])
    pq.write_table(table, tmp_path / "pairs.parquet")
    report = audited(tmp_path, tmp_path / "pairs.parquet", [row(BAD), row(GOOD)])
    assert [f["position"] for f in report.findings.to_pylist()] == [1]


def test_rows_that_compare_nothing_are_left_out_and_counted(tmp_path: Path, caplog) -> None:
    rows = [pair(BAD), {"question": "Why?", "chosen": "So."}, pair("Another one.")]
    assert len(recorded(tmp_path, lines(tmp_path / "pairs.jsonl", rows))) == 2
    assert "1 of 3 rows compare no two responses" in caplog.text


def test_a_file_without_any_comparison_is_bad_usage(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=r"pairs\.jsonl: none of its 1 rows compares two responses; give"):
        recorded(tmp_path, lines(tmp_path / "pairs.jsonl", [row(GOOD)]))


def test_without_comparisons_it_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps([row(BAD)]), encoding="utf-8")
    report = audit_data(tmp_path / "rows.json", out=tmp_path / "audit", select=("PRF303",), workers=1)
    verdict = json.loads((report.folder / "verdict.json").read_text())
    assert "PRF303" in verdict["not_asked"]
    assert "PRF303" not in {e["check"] for e in report.evidence}


def test_an_unknown_option_cannot_be_required() -> None:
    from sft_audit.record import table_recorder

    with pytest.raises(ValueError, match="requires magic, which is no option"):
        table_recorder(fills=("preferences",), requires="magic")(lambda recording: None)


@pytest.mark.parametrize(
    ("rows", "pairs"),
    [
        ([row(BAD)], [pair(BAD)]),
        ([row(BAD.upper().replace(".", " !"))], [pair(BAD)]),
        ([row("No.", question="Is there a mug?")], [pair("No", "Yes", question="Is there a mug?")]),
        ([row("A room with three cats.", question="What is this?")], [pair("A room with three cats")]),
        ([row("4", None, "2 + 3?")], [pair("4", "5", None, "2 + 3?")]),
        ([row(BAD, None, "Tell me something.")], [pair(BAD)]),
        ([row(BAD, "kitchen-again.jpg")], [pair(BAD), pair(BAD, image="kitchen-again.jpg")]),
    ],
)
def test_a_rejected_response_as_target_is_found(tmp_path: Path, rows: list[dict], pairs: list[dict]) -> None:
    pairs_file = lines(tmp_path / "pairs.jsonl", pairs)
    assert len(findings_of("PRF303", rows, {"preferences": (pairs_file,), "workers": 1})) == 1


@pytest.mark.parametrize(
    ("rows", "pairs"),
    [
        ([row(GOOD)], [pair(BAD)]),
        ([row("No.", question="Is there a cat?")], [pair("No.", "Yes.", question="Is there a mug?")]),
        ([row("No.", "street.jpg", "Is there a mug?")], [pair("No.", "Yes.", question="Is there a mug?")]),
        ([row("4", None, "2 + 2?")], [pair("4", "5", None, "2 + 3?")]),
        ([row(BAD, "street.jpg")], [pair(BAD)]),
        ([row(BAD)], [pair(BAD), pair("Nothing at all.", chosen=BAD)]),
        ([row(GOOD)], [pair(GOOD, chosen=GOOD.upper())]),
        ([row("...")], [pair("!!!")]),
    ],
)
def test_what_is_no_rejected_response_is_not_found(
    tmp_path: Path, rows: list[dict], pairs: list[dict]
) -> None:
    pairs_file = lines(tmp_path / "pairs.jsonl", pairs)
    assert findings_of("PRF303", rows, {"preferences": (pairs_file,), "workers": 1}) == []


def test_real_comparisons_and_the_photos_that_they_are_about(tmp_path: Path, shared_data: Path) -> None:
    pairs = shared_data / "coco" / "preferences.jsonl"
    wrong = [json.loads(json.loads(line)["text"]) for line in pairs.read_text().splitlines()]
    images = [json.loads(line)["image"] for line in pairs.read_text().splitlines()]
    rows = json.loads((shared_data / "coco" / "llava.json").read_text())
    planted = [row(one["rejected"], image, one["question"]) for one, image in zip(wrong, images, strict=True)]
    (tmp_path / "rows.json").write_text(json.dumps([*rows, *planted[:20]]), encoding="utf-8")
    report = audit_data(
        tmp_path / "rows.json",
        images=shared_data / "coco" / "images",
        out=tmp_path / "audit",
        preferences=(pairs,),
        select=("PRF303",),
        workers=1,
    )
    found = [f["position"] for f in report.findings.to_pylist()]
    assert found == list(range(len(rows) + 1, len(rows) + 21))


def test_a_picture_that_may_not_be_read_has_no_content() -> None:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder, "a.jpg")
        path.write_bytes(b"x")
        path.chmod(0)
        if was_root := os.geteuid() == 0:  # who may read everything
            os.seteuid(65534)
        try:
            assert ImageRoot(folder).locate("a.jpg").path
            assert _content(ImageRef("a.jpg"), ImageRoot(folder), {}) is None
        finally:
            if was_root:
                os.seteuid(0)

"""Logs of evaluation harnesses, and the files that they come in.

`fixtures/` holds what lmms-eval's and inspect_ai's own writers wrote (the scripts beside say how); what
VLMEvalKit writes is made here from its `dump` (`vlmeval/smp/file.py`): its package is on no index.
"""

import csv
import json
import random
import sys
import zipfile
from pathlib import Path

import pytest

from sft_audit.errors import AuditError
from sft_audit.logs import Logged, is_logged, read_logged
from sft_audit.logs.archive import members, unpacked
from sft_audit.logs.container import log_chunks
from sft_audit.readers import RowFault
from sft_audit.readers.chunk import Row
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.sample import Malformed

FIXTURES = Path(__file__).parent / "fixtures"
ROWS = [
    {"index": 0, "question": "Is there a dog?", "answer": "yes", "prediction": 'Yes, there\nis "one"\t.'},
    {"index": 7, "question": "Which colour?", "A": "red", "B": "blue", "answer": "A", "prediction": ""},
    {"index": 8, "question": "How many?", "answer": 3, "prediction": "Failed to obtain answer via API."},
]
COLUMNS = ["index", "question", "A", "B", "answer", "prediction"]


def rows(path: Path) -> list[Row | Malformed]:
    with FileBytes(path) as source:
        return [row for chunk in log_chunks(source, path.name, is_logged) for row in chunk.rows()]


def logged(path: Path) -> list[Logged]:
    found: list[Logged] = []
    for row in rows(path):
        assert isinstance(row, Row), row
        found.extend(read_logged(row.content))
    return found


def test_what_lmms_eval_writes_is_read() -> None:
    found = logged(FIXTURES / "lmms_eval.jsonl")
    ask = "\nAnswer the question using a single word or phrase."
    assert [(x.id, x.position, x.completion, x.gold, x.reward) for x in found] == [
        ("a", 1, "yes", "yes", 1.0),
        ("b", 2, "Yes", "no", 0.0),
        ("b", 2, "No", "no", None),
        ("b", 2, "Yes", "no", 0.0),
        ("c", 3, "<think>hm</think>no", "no", 1.0),
    ]
    assert found[0].prompt == "Is there a dog?" + ask


def test_lmms_eval_metrics_that_are_numbers_are_rewards_and_likelihoods_no_completions() -> None:
    row = {"doc_id": 4, "input": "Which?", "target": "B", "filtered_resps": "B", "token_counts": [3]}
    assert read_logged({**row, "submission": {"4": "B"}, "exact_match": 1.0})[0].reward == 1.0
    assert read_logged(row) == (Logged("Which?", "B", "B", position=5),)
    with pytest.raises(RowFault, match="likelihoods of choices"):
        read_logged({**row, "filtered_resps": [["-1.5", "False"], ["-0.5", "True"]]})


def test_what_inspect_writes_is_read() -> None:
    found = logged(FIXTURES / "inspect_ai.eval")
    assert [(x.id, x.prompt, x.gold, x.reward) for x in found] == [
        ("a", "Is there a dog?", "yes", 1.0),
        ("c", "How many cars are there?", "3", 0.0),
        ("a", "Is there a dog?", "yes", 0.0),
        ("c", "How many cars are there?", "3", 1.0),
    ]
    assert [x.completion for x in found][:3] == ["yes", "4", "no"]
    assert found[3].completion.endswith("The answer is 3.")
    choices = logged(FIXTURES / "inspect_ai.json")
    assert choices == [
        Logged("Which is larger?\nA. one\nB. two", "ANSWER: B", "B", 1.0, id="1", position=1),
    ]


def test_the_real_archive_is_compressed_by_zstandard() -> None:
    with FileBytes(FIXTURES / "inspect_ai.eval") as source:
        assert {one.compress_type for one in members(source)} == {93}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_other_compressions_hold_the_same(method: int, tmp_path: Path) -> None:
    with (
        FileBytes(FIXTURES / "inspect_ai.eval") as source,
        zipfile.ZipFile(tmp_path / "log.eval", "w", method) as out,
    ):
        for one in members(source):
            out.writestr(one.filename, unpacked(source, one))
    assert logged(tmp_path / "log.eval") == logged(FIXTURES / "inspect_ai.eval")


def test_texts_that_inspect_put_aside_are_put_back() -> None:
    row = {
        "id": "a",
        "epoch": 1,
        "input": [{"role": "user", "content": [{"type": "text", "text": "attachment://q"}]}],
        "output": {
            "choices": [
                {
                    "message": {
                        "content": [
                            {"type": "reasoning", "reasoning": "hm"},
                            {"type": "text", "text": "attachment://s"},
                        ]
                    }
                },
                {"message": {"content": "attachment://lost"}},
            ]
        },
        "attachments": {"q": "Which?", "s": "red"},
        "scores": {"match": {"value": "P"}},
    }
    assert read_logged(row) == (
        Logged("Which?", "red", reward=0.5, id="a"),
        Logged("Which?", "attachment://lost", id="a"),
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"error": {"message": "timed\nout"}}, "ended in an error: timed out"),
        ({"output": {"choices": []}}, "no choice"),
        ({"output": None}, "no choice"),
        ({"input": 3}, "neither text nor messages"),
        ({"input": [{"role": "system", "content": "x"}]}, "neither text nor messages"),
        ({"output": {"choices": [{"message": {"content": 3}}]}}, "neither text nor parts"),
    ],
    ids=str,
)
def test_a_sample_of_inspect_that_cannot_be_read_says_why(change: dict, why: str) -> None:
    row = {
        "id": 1,
        "epoch": 1,
        "input": "Which?",
        "choices": 3,
        "output": {"choices": [{"message": {"content": "red"}}]},
    }
    assert read_logged(row)[0].completion == "red"
    with pytest.raises(RowFault, match=why):
        read_logged({**row, **change})


def vlmevalkit(path: Path) -> Path:
    """Write the predictions as VLMEvalKit does, by the ending of the name."""
    if path.suffix == ".json":
        path.write_text(
            json.dumps([{name: row.get(name, float("nan")) for name in COLUMNS} for row in ROWS], indent=4)
        )
    elif path.suffix == ".tsv":
        with path.open("w", newline="") as out:
            table = csv.DictWriter(out, COLUMNS, delimiter="\t", quoting=csv.QUOTE_ALL)
            table.writeheader()
            table.writerows(ROWS)
    else:
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        book.active.append(COLUMNS)
        for row in ROWS:
            book.active.append([row.get(name) for name in COLUMNS])
        book.save(path)
    return path


@pytest.mark.parametrize("ending", [".tsv", ".json", ".xlsx"])
def test_predictions_of_vlmevalkit_are_read(ending: str, tmp_path: Path) -> None:
    first, second, failed = rows(vlmevalkit(tmp_path / f"model_set{ending}"))
    assert read_logged(first.content) == (
        Logged("Is there a dog?", 'Yes, there\nis "one"\t.', "yes", id="0"),
    )
    assert read_logged(second.content) == (Logged("Which colour?\nA. red\nB. blue", "", "A", id="7"),)
    with pytest.raises(RowFault, match="the harness got no answer"):
        read_logged(failed.content)


def test_a_scored_prediction_has_its_score() -> None:
    row = {"index": 1, "question": "Which?", "answer": "A", "prediction": "A"}
    assert [read_logged({**row, **more})[0].reward for more in ({"hit": 0}, {"score": True}, {})] == [
        0,
        1,
        None,
    ]


def test_a_table_whose_rows_are_ragged_says_so(tmp_path: Path) -> None:
    path = tmp_path / "log.tsv"
    path.write_text("index\tquestion\tprediction\n1\tWhich?\tred\n2\tWhich?\n3\ta\tb\tc\n4\tWhich?\tblue\n")
    assert [
        row.reason if isinstance(row, Malformed) else row.content["prediction"] for row in rows(path)
    ] == [
        "red",
        "2 cells under 3 columns",
        "4 cells under 3 columns",
        "blue",
    ]
    assert [row.place.position for row in rows(path)] == [1, 2, 3, 4]


def archive(path: Path, samples: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as out:
        for name, content in samples.items():
            out.writestr(name, content)
    return path


SAMPLE = json.dumps(
    {"id": "a", "epoch": 1, "input": "Q?", "output": {"choices": [{"message": {"content": "r"}}]}}
)


def test_names_that_lead_out_of_an_archive_write_nothing(tmp_path: Path) -> None:
    names = ("samples/../../../out.json", "samples//etc/out.json")
    log = archive(tmp_path / "log.eval", dict.fromkeys(names, SAMPLE.encode()))
    assert [one.completion for one in logged(log)] == ["r", "r"]
    assert [path.name for path in tmp_path.iterdir()] == ["log.eval"]


def test_a_bomb_in_an_archive_is_not_unpacked(tmp_path: Path) -> None:
    log = archive(
        tmp_path / "log.eval", {"samples/a.json": b" " * (80 << 20), "samples/b.json": SAMPLE.encode()}
    )
    large, fine = rows(log)
    assert isinstance(large, Malformed)
    assert "83,886,080 bytes" in large.reason
    assert isinstance(fine, Row)


def test_a_member_that_lies_about_its_size_is_not_believed(tmp_path: Path) -> None:
    log = archive(tmp_path / "log.eval", {"samples/a.json": b" " * (1 << 20)})
    data = bytearray(log.read_bytes())
    listed = data.rindex(b"PK\x01\x02")
    data[listed + 24 : listed + 28] = (100).to_bytes(4, "little")
    log.write_bytes(data)
    (row,) = rows(log)
    assert isinstance(row, Malformed)
    assert "size or checksum" in row.reason


@pytest.mark.parametrize("kind", ["deflate", "zstandard"])
def test_a_damaged_member_costs_no_other(kind: str, tmp_path: Path) -> None:
    log = tmp_path / "log.eval"
    if kind == "deflate":
        archive(log, {f"samples/{n}.json": SAMPLE.encode() * (1 if n else 40) for n in range(2)})
    else:
        log.write_bytes((FIXTURES / "inspect_ai.eval").read_bytes())
    whole = len(rows(log))
    with FileBytes(log) as source:
        first = next(one for one in members(source) if one.filename.startswith("samples/"))
    data = bytearray(log.read_bytes())
    start = first.header_offset + 30 + len(first.filename)
    data[start + 20 : start + 40] = bytes(20)
    log.write_bytes(data)
    found = rows(log)
    assert len(found) == whole
    assert [isinstance(row, Malformed) for row in found].count(True) == 1
    assert isinstance(found[0], Malformed)


def test_members_that_lie_nowhere_are_said(tmp_path: Path) -> None:
    log = archive(tmp_path / "log.eval", {"samples/a.json": SAMPLE.encode()})
    data = bytearray(log.read_bytes())
    listed = data.rindex(b"PK\x01\x02")
    data[listed + 20 : listed + 24] = (len(data) * 2).to_bytes(4, "little")
    log.write_bytes(data)
    (row,) = rows(log)
    assert isinstance(row, Malformed)
    assert "does not lie where" in row.reason


def whole(content: object) -> str:
    return json.dumps(
        {"version": 2, "status": "success", "eval": {}, **(content if isinstance(content, dict) else {})}
    )


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("log.eval", (FIXTURES / "inspect_ai.eval").read_bytes()[:6000], "not a readable zip archive"),
        ("log.json", (FIXTURES / "inspect_ai.json").read_bytes()[:6000], "not readable JSON"),
        ("log.json", whole({"results": {}}).encode(), "a log without samples"),
        ("log.json", whole({"samples": []}).encode(), "a log without samples"),
        ("log.bin", b"\x00\x01\x02", "not a JSON array"),
    ],
    ids=["cut archive", "cut object", "no samples", "no sample", "bytes"],
)
def test_what_cannot_be_read_is_one_line(name: str, data: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(AuditError, match=why) as fault:
        rows(path)
    assert "\n" not in str(fault.value)


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="neither samples of inspect_ai nor a workbook"):
        rows(archive(tmp_path / "log.zip", {"rows.jsonl": b"{}"}))


def test_a_workbook_that_is_none_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    book = archive(tmp_path / "log.xlsx", {"xl/workbook.xml": b"<a><b></a>"})
    with pytest.raises(AuditError, match="not a readable workbook"):
        rows(book)


def test_a_workbook_is_read_whole_or_refused_in_one_line(tmp_path: Path) -> None:
    path = vlmevalkit(tmp_path / "log.xlsx")
    data, whole = path.read_bytes(), len(rows(path))
    rng = random.Random(0)
    said = []
    for _ in range(100):
        damaged = bytearray(data)
        for _ in range(5):
            damaged[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            assert len(rows(path)) <= whole
        except AuditError as fault:
            said.append(str(fault))
    assert len(said) > 50
    assert not any("\n" in one for one in said)


def test_without_openpyxl_a_workbook_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(
        AuditError, match=r"pip install 'sft-audit\[workbooks\]', or save .* \(PRED_FORMAT=tsv\)"
    ):
        rows(archive(tmp_path / "log.xlsx", {"xl/workbook.xml": b"<a/>"}))


def test_rows_far_apart_in_a_workbook_do_not_fill_memory(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(COLUMNS)
    book.active.append([ROWS[0].get(name) for name in COLUMNS])
    book.save(tmp_path / "near.xlsx")
    with zipfile.ZipFile(tmp_path / "near.xlsx") as near, zipfile.ZipFile(tmp_path / "far.xlsx", "w") as far:
        for one in near.infolist():
            text = near.read(one)
            if one.filename == "xl/worksheets/sheet1.xml":
                text = text.replace(
                    b"</sheetData>", b'<row r="999999999"><c r="A999999999"><v>1</v></c></row></sheetData>'
                )
            far.writestr(one.filename, text)
    assert len(logged(tmp_path / "far.xlsx")) == 1


def test_many_rows_come_in_order_and_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "log.tsv"
    with path.open("w", newline="") as out:
        table = csv.writer(out, delimiter="\t")
        table.writerow(["index", "question", "prediction"])
        table.writerows([n, "Q?", "x" * 3000] for n in range(2500))
    found = rows(path)
    assert [row.content["index"] for row in found] == [str(n) for n in range(2500)]
    assert [row.place.position for row in found] == list(range(1, 2501))

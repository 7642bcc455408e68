"""From an audit folder to a repaired data set, with the real parts."""

import json
import shutil
from base64 import b64decode
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sft_audit.check import all_checks
from sft_audit.errors import AuditError, StaleAudit
from sft_audit.remedies import clean
from sft_audit.session import audit_data

SAFE = tuple(code for code, one in all_checks().items() if one.safe and one.remedy in ("drop", "rewrite"))


def row(number, image=None, source=None, **extra):
    turns = [
        {"from": "human", "value": ("<image>\n" if image else "") + f"Question {number}?"},
        {"from": "gpt", "value": f"Answer {number}."},
    ]
    given = {"image": image} if image else {}
    return {
        "id": f"r{number}",
        **given,
        **({"source": source} if source else {}),
        "conversations": turns,
        **extra,
    }


def texts(rows):
    return [json.dumps(one) for one in rows]


def audited(tmp_path, *data, select=SAFE, **options):
    (tmp_path / "images").mkdir(exist_ok=True)
    options = {"images": tmp_path / "images", "workers": 1, **options}
    return audit_data(list(data), out=tmp_path / "audit", select=select, **options)


def repaired(tmp_path, *data, select=SAFE, **options):
    audited(tmp_path, *data, select=select)
    return clean(tmp_path / "audit", tmp_path / "out", **options)


def records(folder, name="removed.jsonl"):
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def file_of(tmp_path, text, name="rows.json"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


REAL = [
    "coco/llava.json",
    "coco/preferences.jsonl",
    "nlvr/messages.jsonl",
    "receipts/llamafactory.json",
    "mathv/train.parquet",
    "puzzle/train.parquet",
    "pope/coco_pope.json",
    "text/hallusionbench.json",
    "text/viscot_gqa_llava.json",
    "text/llava_coco_gpt4_qa_30x3.jsonl",
    "fixtures/llamafactory/mllm_demo.json",
    "fixtures/qwen-demo/single_images.json",
]
LAYOUTS = [
    "coco/llava.json",
    "nlvr/messages.jsonl",
    "receipts/llamafactory.json",
    "text/viscot_gqa_llava.json",
]


@pytest.mark.parametrize("name", REAL)
def test_a_set_with_nothing_to_do_comes_back_byte_for_byte(tmp_path, shared_data, name):
    result = repaired(tmp_path, shared_data / name, select=("INT101",))
    assert (result.changed, result.removed, result.mended) == (0, 0, 0)
    assert result.kept == result.rows > 0
    assert result.files[0].read_bytes() == (shared_data / name).read_bytes()
    assert records(tmp_path / "out") == records(tmp_path / "out", "changed.jsonl") == []


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_copy_at_the_end_goes_and_leaves_the_set_as_it_was(tmp_path, shared_data, name):
    whole = (shared_data / name).read_bytes()
    rows, end = whole.rstrip(), b""
    if whole.startswith(b"["):
        rows, end = rows[:-1].rstrip(), whole[len(rows[:-1].rstrip()) :]
        planted = rows + b",\n" + json.dumps(json.loads(whole)[0]).encode() + end
    else:
        planted = rows + b"\n" + whole[: whole.index(b"\n")]
        end = b"\n"
    path = file_of(tmp_path, planted, Path(name).name)
    n_rows = audited(tmp_path, path, select=("DUP601",)).samples
    result = clean(tmp_path / "audit", tmp_path / "out", force=True)
    gone = records(tmp_path / "out")
    assert gone[-1]["position"] == n_rows
    if len(gone) == 1:
        assert result.files[0].read_bytes() == rows + end


def test_the_repaired_set_has_none_of_these_findings_left(tmp_path):
    from sft_audit.testing import make_images

    make_images(tmp_path / "images")
    rows = [row(n, "kitchen.jpg" if n % 2 else "street.jpg") for n in range(60)]
    spelled = texts([*rows, rows[3], row(60, "nowhere.jpg"), 7, rows[4]])
    spelled.insert(5, '{"id": "broken", "conversations": [{"from": "human", "value": "x}')
    path = file_of(tmp_path, "[\n  " + ",\n  ".join(spelled) + "\n]\n")
    result = repaired(tmp_path, path)
    assert result.rows == result.kept + result.changed + result.removed
    left = json.loads(result.files[0].read_text())
    assert [one["id"] for one in left if one["id"] != "r60"] == [one["id"] for one in rows]
    again = audit_data(
        result.files[0], images=tmp_path / "images", out=tmp_path / "again", select=SAFE, workers=1
    )
    assert again.counts == {}
    for record in records(tmp_path / "out"):
        raw = path.read_bytes()[record["byte_offset"] :][: record["n_bytes"]]
        assert record["raw"].encode() == raw
        assert record["checks"]
        assert record["row_hash"]


def test_a_row_that_only_our_readers_refuse_goes_on_request_only(tmp_path):
    odd = ['{"id": "odd", "conversations": 3}', '{"id": "deep", "x": ' + "[" * 300 + "]" * 300 + "}"]
    spelled = texts([row(n) for n in range(30)])
    path = file_of(tmp_path, "[" + ",\n".join([*spelled[:9], *odd, *spelled[9:], "{oops}"]) + "]")
    result = repaired(tmp_path, path, select=("INT101",))
    assert result.removed == 1
    assert json.loads(result.files[0].read_text()) == [
        json.loads(one) for one in spelled[:9] + odd + spelled[9:]
    ]
    assert clean(tmp_path / "audit", tmp_path / "more", unsafe=("INT101",)).removed == 3


DAMAGED = [
    b"\xef\xbb\xbf[%s]",
    b"[%s\n",
    b"[%s,\n]\n",
    b"[%s] trailing",
    b"[%s, {]",
    b'[%s, {"id": 1, "conversations": [',
]


@pytest.mark.parametrize("damaged", DAMAGED)
def test_after_clean_the_file_loads(tmp_path, damaged):
    rows = [row(n) for n in range(30)]
    text = damaged % ",\n ".join(texts(rows)).encode()
    path = file_of(tmp_path, text)
    with pytest.raises(json.JSONDecodeError):
        json.loads(text.decode("utf-8"))
    result = repaired(tmp_path, path)
    with result.files[0].open(encoding="utf-8") as file:
        assert json.load(file) == rows
    assert result.mended + result.removed > 0


@pytest.mark.parametrize("between", ["\n", " ,, ", ", oops, ", ', {"id": }, ', ", \xff ,"])
def test_damage_between_rows_is_mended(tmp_path, between):
    rows = [row(n) for n in range(30)]
    spelled = texts(rows)
    text = "[" + ",\n".join(spelled[:15]) + between + ",\n".join(spelled[15:]) + "]"
    result = repaired(tmp_path, file_of(tmp_path, text.encode("latin-1")))
    assert json.loads(result.files[0].read_bytes()) == rows
    kept = result.files[0].read_bytes()
    assert all(one.encode() in kept for one in spelled)
    for change in records(tmp_path / "out", "changed.jsonl"):
        assert change["file"] == "rows.json"
        assert change["checks"] == [{"check": "INT101"}]


def test_lines_that_cannot_be_read_go(tmp_path):
    spelled = texts([row(n) for n in range(30)])
    text = "\n".join([*spelled[:3], '{"id": ', "", *spelled[3:], "nonsense"]).encode() + b"\n{\xff}"
    result = repaired(tmp_path, file_of(tmp_path, text, "rows.jsonl"))
    assert result.removed == 3
    assert result.files[0].read_bytes() == "\n".join([*spelled[:3], "", *spelled[3:]]).encode() + b"\n"
    last = records(tmp_path / "out")[-1]
    assert last["encoding"] == "base64"
    assert b64decode(last["raw"]) == b"{\xff}"


def parquet(path, rows, **options):
    schema = pa.Table.from_pylist(rows).schema.with_metadata({"huggingface": '{"info": {}}', "mine": "1"})
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, **options)


def test_a_parquet_file_keeps_schema_metadata_groups_and_compression(tmp_path):
    rows = [row(n, source="s", blob=bytes([n])) for n in range(40)]
    rows[25] = {**rows[3], "id": "again"}
    parquet(tmp_path / "rows.parquet", rows, row_group_size=10, compression="zstd")
    result = repaired(tmp_path, tmp_path / "rows.parquet")
    old, new = pq.ParquetFile(tmp_path / "rows.parquet"), pq.ParquetFile(result.files[0])
    assert new.schema_arrow.equals(old.schema_arrow, check_metadata=True)
    assert new.metadata.metadata.keys() == old.metadata.metadata.keys()
    assert [new.metadata.row_group(n).num_rows for n in range(4)] == [10, 10, 9, 10]
    assert new.metadata.row_group(0).column(0).compression == "ZSTD"
    assert new.read().to_pylist() == [one for one in rows if one["id"] != "again"]
    gone = pq.read_table(tmp_path / "out" / "removed" / "rows.parquet")
    assert gone.to_pylist() == [rows[25]]
    record = records(tmp_path / "out")[0]
    assert json.loads(record["raw"])["blob"]["n_bytes"] == 1


def test_real_parquet_loses_a_row_and_no_cell(tmp_path, shared_data):
    table = pq.read_table(shared_data / "mathv" / "train.parquet")
    pq.write_table(
        pa.concat_tables([table, table.slice(7, 1)]), tmp_path / "train.parquet", row_group_size=100
    )
    result = repaired(tmp_path, tmp_path / "train.parquet", select=("DUP601",))
    assert pq.read_table(result.files[0]).equals(table, check_metadata=True)


def test_an_unsafe_remedy_is_applied_only_on_request(tmp_path):
    from sft_audit.testing import make_images

    make_images(tmp_path / "images")
    rows = [row(n, "kitchen.jpg") for n in range(12)]
    rows[4]["conversations"][0]["value"] = "Where \u2013 and what?"
    spelled = [json.dumps(one, ensure_ascii=False, indent=1) for one in rows]
    path = file_of(tmp_path, "[" + ",".join(spelled) + "]")
    result = repaired(tmp_path, path, select=("INT109",))
    assert result.files[0].read_bytes() == path.read_bytes()
    assert result.unasked == {"INT109": 1}
    assert "INT109: 1 rows stay as they are; --unsafe INT109 repairs them" in result.text()
    result = clean(tmp_path / "audit", tmp_path / "out", unsafe=("unreferenced-image",))
    assert (result.changed, result.by_check, result.unasked) == (1, {"INT109": 1}, {})
    spelled[4] = spelled[4].replace('"Where', '"<image>\\nWhere')
    assert result.files[0].read_text(encoding="utf-8") == "[" + ",".join(spelled) + "]"
    change = records(tmp_path / "out", "changed.jsonl")[0]
    assert change["after"] == spelled[4]
    assert change["before"] in path.read_text(encoding="utf-8")
    assert "placeholder" in change["reason"]


def test_a_finding_that_says_it_is_not_safe_is_left_alone(tmp_path):
    rows = [row(n) for n in range(20)]
    rows[3]["conversations"] += [{"from": "human", "value": "And?"}, {"from": "gpt", "value": ""}]
    rows[4]["conversations"][1]["value"] = ""
    result = repaired(tmp_path, file_of(tmp_path, json.dumps(rows)), select=("INT106",))
    assert json.loads(result.files[0].read_text()) == rows[:4] + rows[5:]
    assert result.unasked == {"INT106": 1}
    result = clean(tmp_path / "audit", tmp_path / "out", unsafe=("INT106",))
    assert json.loads(result.files[0].read_text()) == rows[:3] + rows[5:]


def test_an_image_that_only_we_cannot_read_costs_no_row(tmp_path):
    from PIL import Image

    from sft_audit.testing import make_images

    make_images(tmp_path / "images")
    Image.open(tmp_path / "images" / "kitchen.jpg").save(tmp_path / "images" / "kitchen.tga")
    rows = [row(n, "kitchen.jpg") for n in range(20)]
    spelled = texts([*rows, row(20, "kitchen.tga"), row(21, "error-page.jpg")])
    path = file_of(tmp_path, "[" + ", ".join(spelled) + "]")
    result = repaired(tmp_path, path, select=("INT102", "INT103"))
    assert result.files[0].read_text() == "[" + ", ".join(spelled[:-1]) + "]"
    assert clean(tmp_path / "audit", tmp_path / "out", unsafe=("INT103",)).removed == 2


def test_preference_fields_are_taken_out(tmp_path):
    rows = [row(n) for n in range(20)]
    path = file_of(tmp_path, json.dumps([*rows[:5], {"reward": 1.5, **rows[5]}, *rows[6:]]))
    result = repaired(tmp_path, path, select=("PRF301",))
    assert result.files[0].read_text() == json.dumps(rows)
    assert (result.changed, result.removed) == (1, 0)


def test_a_row_that_is_not_utf8_is_not_rewritten(tmp_path):
    spelled = [one.encode() for one in texts([row(n, reward=0.5) for n in range(20)])]
    spelled[7] = spelled[7].replace(b"Answer", b"Caf\xe9")
    path = file_of(tmp_path, b"[" + b", ".join(spelled) + b"]")
    result = repaired(tmp_path, path, select=("PRF301",))
    assert (result.changed, result.unmended) == (19, {"PRF301": 1})
    assert spelled[7] in result.files[0].read_bytes()


def test_a_parquet_row_is_rewritten(tmp_path):
    rows = [row(n, reward=1.5 if n == 7 else None) for n in range(20)]
    parquet(tmp_path / "rows.parquet", rows, row_group_size=8)
    result = repaired(tmp_path, tmp_path / "rows.parquet", select=("PRF301",))
    assert pq.read_table(result.files[0]).to_pylist() == [{**one, "reward": None} for one in rows]
    assert pq.ParquetFile(result.files[0]).metadata.num_row_groups == 3
    assert not (tmp_path / "out" / "removed").exists()


def test_a_formula_keeps_what_is_left_of_it(tmp_path):
    rows = [row(n) for n in range(20)]
    broken = row(20)
    broken["conversations"][0]["value"] = "Half\x00?"
    broken["conversations"][1]["value"] = "\x0crac{1}{2}"
    path = file_of(tmp_path, json.dumps([*rows, broken]))
    result = repaired(tmp_path, path, select=("INT110",), unsafe=("INT110",))
    assert result.files[0].read_text() == json.dumps([*rows, broken]).replace("\\u0000", "")
    assert result.changed == 1


def test_an_unsafe_check_without_a_remedy_is_refused(tmp_path):
    audited(tmp_path, file_of(tmp_path, "[" + texts([row(1)])[0] + "]"))
    with pytest.raises(AuditError, match="its remedy is 'review'"):
        clean(tmp_path / "audit", tmp_path / "out", unsafe=("INT104",))
    assert not (tmp_path / "out").exists()


def test_data_that_changed_since_the_audit_is_refused(tmp_path):
    path = file_of(tmp_path, "[" + texts([row(1)])[0] + "]")
    audited(tmp_path, path)
    path.write_bytes(path.read_bytes().replace(b"Answer", b"answer"))
    with pytest.raises(StaleAudit, match="changed since it was audited"):
        clean(tmp_path / "audit", tmp_path / "out")
    path.unlink()
    with pytest.raises(StaleAudit, match="is not there"):
        clean(tmp_path / "audit", tmp_path / "out")


def test_a_plan_that_takes_too_much_of_a_source_is_stopped(tmp_path):
    spelled = [*texts([row(n, source="s") for n in range(40)]), *["{"] * 12]
    path = file_of(tmp_path, "\n".join(spelled), "rows.jsonl")
    audited(tmp_path, path)
    with pytest.raises(
        AuditError, match=r"file 'rows.jsonl': 12 of its 52 rows would go, most for INT101.*--force"
    ):
        clean(tmp_path / "audit", tmp_path / "out")
    assert clean(tmp_path / "audit", tmp_path / "out", force=True).removed == 12


def test_rows_behind_an_early_bracket_are_kept(tmp_path):
    rows = [row(n) for n in range(40)]
    path = file_of(tmp_path, json.dumps(rows[:20]) + json.dumps(rows[20:]))
    audited(tmp_path, path)
    assert json.loads(clean(tmp_path / "audit", tmp_path / "out").files[0].read_text()) == rows


def test_a_row_that_is_not_utf8_goes(tmp_path):
    spelled = [one.encode() for one in texts([row(n) for n in range(20)])]
    bad = spelled[7].replace(b"Answer", b"Answ\xffr")
    path = file_of(tmp_path, b"[" + b", ".join([*spelled, bad]) + b"]")
    result = repaired(tmp_path, path)
    assert result.files[0].read_bytes() == b"[" + b", ".join(spelled) + b"]"
    assert b64decode(records(tmp_path / "out")[0]["raw"]) == bad


def test_a_wrong_image_folder_empties_nothing(tmp_path):
    rows = [row(n, f"{n}.jpg", source="photos") for n in range(30)]
    path = file_of(tmp_path, json.dumps([*rows, *(row(n) for n in range(30, 60))]))
    audited(tmp_path, path)
    with pytest.raises(AuditError, match=r"'photos'.*: 30 of its 30 rows would go, .* INT102; .* --images"):
        clean(tmp_path / "audit", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_plan_that_takes_everything_is_stopped(tmp_path):
    path = file_of(tmp_path, '{"id": "a"\n', "rows.jsonl")
    audited(tmp_path, path)
    with pytest.raises(AuditError, match="1 of its 1 rows"):
        clean(tmp_path / "audit", tmp_path / "out")


def test_copies_are_no_loss(tmp_path):
    rows = [row(n, source="s") for n in range(20)]
    path = file_of(tmp_path, "[" + ", ".join(texts([*rows, *rows])) + "]")
    result = repaired(tmp_path, path)
    assert result.files[0].read_text() == "[" + ", ".join(texts(rows)) + "]"


def test_a_source_of_copies_is_no_loss(tmp_path):
    rows = [row(n, source=f"s{n}") for n in range(20)]
    copies = [row(0, source="t") for _ in range(12)] + [row(n, source=f"u{n}") for n in range(5)]
    path = file_of(tmp_path, json.dumps(rows + copies))
    assert json.loads(repaired(tmp_path, path).files[0].read_text()) == rows


def test_a_source_of_a_few_rows_may_go(tmp_path):
    rows = [row(n, source=f"s{n}") for n in range(60)]
    rows[7]["conversations"][1]["value"] = ""
    path = file_of(tmp_path, json.dumps(rows))
    assert json.loads(repaired(tmp_path, path).files[0].read_text()) == rows[:7] + rows[8:]


def test_copies_that_may_differ_are_a_loss(tmp_path):
    rows = [row(n) for n in range(18)] + [row(0, tools="x" * 3000) for _ in range(15)]
    audited(tmp_path, file_of(tmp_path, json.dumps(rows)))
    assert clean(tmp_path / "audit", tmp_path / "out").removed == 0
    with pytest.raises(AuditError, match="14 of its 33 rows would go, most for DUP601"):
        clean(tmp_path / "audit", tmp_path / "out", unsafe=("DUP601",))


def test_a_dry_run_writes_nothing(tmp_path):
    rows = [row(n) for n in range(20)]
    result = repaired(tmp_path, file_of(tmp_path, json.dumps([*rows, rows[0]])), dry_run=True)
    assert (result.rows, result.kept, result.removed, result.folder) == (21, 20, 1, None)
    assert not (tmp_path / "out").exists()


def test_side_files_and_folders_come_along(tmp_path, shared_data):
    data = tmp_path / "data"
    (data / "more").mkdir(parents=True)
    shutil.copy(shared_data / "receipts" / "dataset_info.json", data)
    shutil.copy(shared_data / "receipts" / "llamafactory.json", data)
    file_of(data / "more", json.dumps([row(1), row(2)]))
    result = repaired(tmp_path, data / "llamafactory.json", data / "more", select=("INT101",))
    out = tmp_path / "out"
    assert (out / "dataset_info.json").read_bytes() == (data / "dataset_info.json").read_bytes()
    assert {path.name for path in result.files} == {"llamafactory.json", "rows.json"}
    manifest = json.loads((out / "clean.json").read_text())
    assert [one["file"] for one in manifest["outputs"]] == [one["file"] for one in manifest["inputs"]]


def test_a_described_set_keeps_its_description(tmp_path, shared_data):
    data = tmp_path / "data" / "inner"
    data.mkdir(parents=True)
    info = json.loads((shared_data / "receipts" / "dataset_info.json").read_text())
    info["receipts"]["file_name"] = "inner/llamafactory.json"
    file_of(tmp_path / "data", json.dumps(info), "dataset_info.json")
    shutil.copy(shared_data / "receipts" / "llamafactory.json", data)
    repaired(tmp_path, tmp_path / "data", select=("INT101",))
    assert (tmp_path / "out" / "dataset_info.json").read_text() == json.dumps(info)
    again = audited(tmp_path, tmp_path / "out", select=("INT101",))
    assert (again.samples, again.malformed) == (40, 0)


def test_the_data_set_itself_is_never_replaced(tmp_path):
    rows = [row(n) for n in range(20)]
    first = repaired(tmp_path, file_of(tmp_path, json.dumps([*rows, rows[0]])))
    audited(tmp_path, *first.files)
    with pytest.raises(AuditError, match="holds the data set itself"):
        clean(tmp_path / "audit", tmp_path / "out")
    with pytest.raises(AuditError, match="choose another with -o"):
        clean(tmp_path / "audit", tmp_path / "audit")


def test_the_result_says_what_was_done(tmp_path):
    rows = [row(n) for n in range(20)]
    result = repaired(tmp_path, file_of(tmp_path, json.dumps([*rows, rows[0]])))
    assert "21 rows: 20 kept, 0 changed, 1 removed" in result.text()
    assert json.loads(json.dumps(result.summary()))["by_check"] == {"DUP601": 1}

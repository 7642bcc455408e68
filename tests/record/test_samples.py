"""From files to the tables of rows: the real sets, samples of them, and an account of every row."""

import base64
import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sft_audit.config import parse_config
from sft_audit.engine import Engine
from sft_audit.readers.embedded import Origin, Slot, load
from sft_audit.record import Recording
from sft_audit.record.samples import samples
from sft_audit.store import Store

TABLES = ("files", "samples", "problems", "turns", "image_uses")


def row(number: int, source: str = "a", **fields: object) -> dict:
    turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": f"Thing {number}."}]
    return {"id": number, "image": f"{number}.jpg", "source": source, "conversations": turns, **fields}


@pytest.fixture
def record(tmp_path: Path):
    """Read data into a fresh store and return it."""
    opened = []

    def run(*data: Path, workers: int = 1, **options: object) -> Store:
        folder = tmp_path / f"store{len(opened)}"
        folder.mkdir()
        store = Store(folder, "500MB", 2)
        opened.append(store)
        with Engine(workers) as engine:
            samples(Recording(store, engine, parse_config({"data": list(data), **options}, "test")))
        return store

    yield run
    for store in opened:
        store.close()


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Twelve rows of three sources, a malformed one among them, and a duplicate."""
    sources = ["a"] * 6 + ["b"] * 3 + ["c"]
    rows = [row(number, source) for number, source in enumerate(sources)]
    texts = [json.dumps(one) for one in [*rows, rows[0]]]
    path = tmp_path / "mixed.json"
    path.write_text("[" + ",\n".join([*texts[:4], "{oops}", *texts[4:]]) + "]")
    return path


@pytest.mark.parametrize(
    ("name", "form", "container", "rows", "images", "kind"),
    [
        ("coco/llava.json", "llava", "json_array", 2464, 2464, "sft"),
        ("coco/preferences.jsonl", "rlhf_v", "json_lines", 223, 223, "preference"),
        ("nlvr/messages.jsonl", "messages", "json_lines", 989, 989, "sft"),
        ("receipts", "llamafactory", "json_array", 40, 40, "sft"),
        ("mathv/train.parquet", "prompt_completion", "parquet", 273, 273, "sft"),
        ("puzzle/train.parquet", "cauldron", "parquet", 140, 140, "sft"),
        ("pope/coco_pope.json", "evaluation", "json_lines", 3000, 3000, "eval"),
        ("text/hallusionbench.json", "evaluation", "json_array", 1129, 951, "eval"),
        ("text/viscot_gqa_llava.json", "llava", "json_array", 978, 1956, "sft"),
        ("text/llava_coco_gpt4_qa_30x3.jsonl", "alpaca", "json_lines", 90, 90, "sft"),
        ("fixtures/llamafactory/mllm_demo.json", "messages", "json_array", 6, 8, "sft"),
        ("fixtures/qwen-demo/single_images.json", "llava", "json_array", 3, 3, "sft"),
    ],
)
def test_real_sets(record, shared_data: Path, name, form, container, rows, images, kind) -> None:
    store = record(shared_data / name)
    assert store.rows("select format, container, rows, malformed, audited from files") == [
        (form, container, rows, 0, rows)
    ]
    assert store.value("select count(*) from image_uses") == images
    assert store.rows("select distinct kind from samples") == [(kind,)]
    assert store.value("select count(*) from problems") == 0
    assert_bytes(store)
    if kind == "sft" and form != "alpaca":
        assert store.value(
            """
            select count(*)
            from samples
            join (select sample_id, sum(n_placeholders) as n from turns group by 1) using (sample_id)
            where n <> n_images
            """
        ) == 0  # fmt: skip


def assert_bytes(store: Store) -> None:
    """Every row of a JSON file is where the table says, on the line that it says."""
    for path, offset, n_bytes, line in store.rows(
        """
        select path, byte_offset, samples.n_bytes, line
        from samples
        join files using (file)
        where container <> 'parquet' and not samples.malformed
        """
    ):
        raw = Path(path).read_bytes()
        assert isinstance(json.loads(raw[offset : offset + n_bytes]), dict)
        assert line == 1 + raw[:offset].count(b"\n")


def test_a_cut_off_file_is_read_up_to_the_cut(record, shared_data: Path) -> None:
    store = record(shared_data / "fixtures/qwen-demo/video.json")
    assert store.rows("select rows, malformed from files") == [(2, 1)]
    assert store.rows("select kind from problems") == [("truncated",)]


def test_box_suffixes_of_image_addresses_are_kept(record, shared_data: Path) -> None:
    store = record(shared_data / "text/viscot_gqa_llava.json")
    assert store.value("select count(*) from image_uses where uri like '%###[%]'") == 978
    assert store.rows("select distinct source from samples") == [("gqa",)]


@pytest.mark.parametrize("name", ["coco/llava.json", "nlvr/messages.jsonl", "mathv/train.parquet"])
def test_the_tables_are_the_same_for_any_number_of_workers(record, shared_data: Path, name: str) -> None:
    one, two = (record(shared_data / name, workers=n) for n in (1, 2))
    for table in TABLES:
        assert one.rows(f"select * from {table}") == two.rows(f"select * from {table}")


def test_fields_have_their_place(record, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps([row(7, license="CC", deep={"a": [1]}, long="x" * 9000)]))
    store = record(tmp_path / "x.json")
    assert store.rows("select sample_id, id, source, file, position, n_images, text_only from samples") == [
        ("x.json:1", "7", "a", "x.json", 1, 1, False)
    ]
    extra = json.loads(store.value("select extra from samples"))
    assert extra == {"license": "CC", "deep": {"a": [1]}, "long": "x" * 2000}


def test_turns_are_counted_in_bytes_and_placeholders(record, tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "<image>"}, {"from": "gpt", "value": "åäö", "model": "m"}]
    (tmp_path / "x.jsonl").write_text(json.dumps({"conversations": turns}))
    store = record(tmp_path / "x.jsonl")
    assert store.rows("select turn, role, supervised, n_tokens, n_placeholders from turns") == [
        (0, "user", False, 2, 1),
        (1, "assistant", True, 2, 0),
    ]
    assert store.value("select extra from samples") == '{"turn.model": "m"}'


def test_equal_rows_are_counted(record, mixed: Path) -> None:
    store = record(mixed)
    counted = store.rows("select position, occurrence from samples where occurrence > 1")
    assert counted == [(12, 2)]


def test_images_inside_rows_leave_no_bytes_in_the_tables(record, tmp_path: Path) -> None:
    uri = "data:image/png;base64," + "A" * 4000
    (tmp_path / "x.json").write_text(json.dumps([row(1, image=uri)]))
    store = record(tmp_path / "x.json")
    assert store.rows("select uri from image_uses") == [("embedded",)]
    assert store.value("select extra from samples") == "{}"


def test_no_surrogate_and_no_nan_reaches_the_tables(record, tmp_path: Path) -> None:
    text = r'[{"conversations": [{"from": "gpt", "value": "a\ud800"}], "x\udfff": "\udc00", "n": NaN}]'
    (tmp_path / "x.json").write_text(text)
    store = record(tmp_path / "x.json")
    assert store.rows("select text from turns") == [("a\ufffd",)]
    assert json.loads(store.value("select extra from samples")) == {"x\ufffd": "\ufffd", "n": None}
    assert store.rows("select kind, sample_id, byte_offset, n_bytes from problems order by 1") == [
        ("lone_surrogate", "x.json:1", 1, len(text) - 2),
        ("nan", "x.json:1", 1, len(text) - 2),
    ]


def test_a_row_in_another_format_is_read_in_its_own(record, tmp_path: Path) -> None:
    uri = "data:image/png;base64," + base64.b64encode(b"picture").decode()
    asked = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]
    rows = [row(1), {"messages": asked, "images": ["a.jpg", uri]}, row(2)]
    (tmp_path / "x.json").write_text(json.dumps(rows))
    store = record(tmp_path / "x.json")
    assert [one for (one,) in store.rows("select format from samples")] == ["llava", "messages", "llava"]
    assert store.rows("select text from turns where sample_id = 'x.json:2'") == [("Q",), ("A",)]
    origin = store.rows("select path, container, format, layout from files")[0]
    slot = store.rows(
        """
        select position, slot, byte_offset, n_bytes
        from image_uses
        join samples using (sample_id)
        where uri = 'embedded'
        """
    )[0]
    assert load(Origin(*origin), [Slot(*slot)]) == {(2, 1): b"picture"}


def test_a_row_in_no_format_is_malformed(record, tmp_path: Path) -> None:
    rows = [row(1), {"messages": 5}, row(2), row(3, image=5)]
    (tmp_path / "x.json").write_text(json.dumps(rows))
    store = record(tmp_path / "x.json")
    unread = "sft-audit reads it in no format; as llava:"
    assert store.rows("select position, reason from samples where malformed order by position") == [
        (2, f"{unread} conversations is not a list of messages"),
        (4, f"{unread} image holds a number, not the address or the bytes of an image"),
    ]


class Forgetful(Engine):
    """An engine that loses its last result."""

    def map(self, function, tasks):
        yield from list(super().map(function, tasks))[:-1]


@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x.parquet"])
def test_a_lost_last_chunk_is_noticed(tmp_path: Path, name: str) -> None:
    rows = [row(number) for number in range(16_000)]
    if name == "x.parquet":
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name)
    else:
        text = json.dumps(rows) if name == "x.json" else "\n \r\n".join(map(json.dumps, rows))
        (tmp_path / name).write_text(text)
    store = Store(tmp_path, "500MB", 2)
    with pytest.raises(RuntimeError, match="rows lost"), Forgetful(1) as engine:
        samples(Recording(store, engine, parse_config({"data": [tmp_path / name]}, "test")))
    store.close()


def test_a_file_in_which_nothing_can_be_read_is_read_all_the_same(record, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b"\x00\x00\noops\n")
    (tmp_path / "y.json").write_text("[]")
    store = record(tmp_path / "x.jsonl", tmp_path / "y.json")
    assert store.rows("select file, format, rows, malformed from files order by 1") == [
        ("x.jsonl", "none", 2, 2),
        ("y.json", "none", 0, 0),
    ]


@pytest.mark.parametrize("size", [1, 4, 7, 10, 11, 50])
def test_a_sample_is_stratified_and_accounted_for(record, mixed: Path, size: int) -> None:
    store = record(mixed, sample=size)
    kept = Counter(s for (s,) in store.rows("select source from samples where not malformed"))
    assert sum(kept.values()) == min(size, 11)
    for source, n in {"a": 7, "b": 3, "c": 1}.items():
        assert abs(kept[source] - min(size, 11) * n / 11) < 1
    assert store.value("select count(*) from samples where malformed") == 1
    assert store.rows("select rows, malformed, audited from files") == [(12, 1, 1 + min(size, 11))]
    for table in ("turns", "image_uses"):
        assert store.value(f"select count(distinct sample_id) from {table}") == min(size, 11)


def test_a_sample_depends_on_seed_and_content_only(record, mixed: Path) -> None:
    def drawn(**options: object) -> set[str]:
        return {h for (h,) in record(mixed, sample=4, **options).rows("select row_hash from samples")}

    first = drawn()
    assert first == drawn(workers=2)
    assert any(first != drawn(seed=seed) for seed in range(1, 6))
    rows = mixed.read_text()[1:-1].split(",\n")
    mixed.write_text("[" + ",".join(reversed(rows)) + "]")
    assert first == drawn()


@pytest.mark.parametrize(
    ("fields", "asked", "text_only"),
    [
        ({}, "What?", True),
        ({"video": None, "audios": []}, "What?", True),
        ({"video": "a.mp4"}, "What?", False),
        ({"audios": ["a.wav"]}, "What?", False),
        ({}, "<video>\nWhat?", False),
        ({}, [{"type": "audio", "audio": "a.wav"}, {"type": "text", "text": "What?"}], False),
    ],
)
def test_a_row_with_a_video_or_audio_is_not_text_only(
    record, tmp_path: Path, fields: dict, asked: object, text_only: bool
) -> None:
    path = tmp_path / "rows.json"
    turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": "A thing."}]
    path.write_text(json.dumps([{"conversations": turns, **fields}]))
    assert record(path).rows("select n_images, text_only from samples") == [(0, text_only)]

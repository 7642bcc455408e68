"""The answers recorder on the tables it reads, and the checks that read what it fills."""

import json

import pytest

from sft_audit.config import parse_config
from sft_audit.engine import Engine
from sft_audit.record import Recording, all_recorders, plan
from sft_audit.record.answers import answers_of, whole_samples
from sft_audit.session import run
from sft_audit.store import Store, write_json
from sft_audit.testing import findings_of


def row(*turns, image="street.jpg", **fields):
    said = [{"from": ("human", "gpt")[n % 2], "value": text} for n, text in enumerate(turns)]
    return {"conversations": said, **({"image": image} if image else {}), **fields}


def recorded(folder, rows, table="answers", workers=1):
    """Run the recorders that fill one table, and return its rows in the order of the data."""
    folder.mkdir(exist_ok=True)
    write_json(folder / "rows.json", rows)
    config = parse_config({"data": folder / "rows.json", "workers": workers}, "test")
    store = Store(folder, "1GB", 1)
    try:
        with Engine(workers) as engine:
            for recorder in plan([table]):
                recorder.run(Recording(store, engine, config))
        query = f"select {table}.* from {table} join samples using (sample_id) order by position, turn"
        return store.arrow(query).to_pylist()
    finally:
        store.close()


def test_one_row_for_each_supervised_answer(tmp_path):
    rows = [row("<image>\nWhat  color\nis the car?", "Dark red.", "How many wheels?", "four")]
    first, second = recorded(tmp_path, rows)
    assert (first["question"], first["answer_kind"], first["canonical"]) == (
        "What color is the car?",
        "colour",
        "red",
    )
    assert (second["turn"], second["question"], second["canonical"]) == (3, "How many wheels?", "4")
    assert first["image_id"] == "street.jpg"
    assert first["answer"] == "Dark red."


def test_a_message_that_is_only_an_image_leaves_the_question_standing(tmp_path):
    rows = [
        row(
            "<image>\nWhat is it? Give a box.",
            "[0.1, 0.2, 0.3, 0.4]",
            "<image>",
            "stove",
            image=["a.jpg", "b.jpg"],
        )
    ]
    answers = recorded(tmp_path, rows)
    assert [a["question"] for a in answers] == ["What is it? Give a box."] * 2
    assert {a["image_id"] for a in answers} == {"a.jpg b.jpg"}


def test_a_text_only_row_has_no_image(tmp_path):
    assert recorded(tmp_path, [row("2 + 2?", "4", image=None)])[0]["image_id"] is None


def test_no_question_at_all(tmp_path):
    rows = [{"image": "street.jpg", "conversations": [{"from": "gpt", "value": "Yes"}]}]
    assert recorded(tmp_path, rows)[0]["question"] == ""


def test_samples_are_never_cut(tmp_path):
    import pyarrow as pa

    ids = ["a"] * 3 + ["b"] * 5 + ["c"] + ["d"] * 9
    table = pa.table({"sample_id": ids, "n": range(len(ids))})
    for rows in range(1, 8):
        pieces = list(whole_samples(table.to_batches(max_chunksize=rows)))
        assert [n for piece in pieces for n in piece["n"].to_pylist()] == list(range(len(ids)))
        held = [set(piece["sample_id"].to_pylist()) for piece in pieces]
        assert sum(len(one) for one in held) == 4


def test_same_answers_for_any_number_of_workers(tmp_path):
    rows = [row(f"<image>\nHow many at {n}?", str(n % 5), "Is it red?", "Yes") for n in range(3000)]
    one, two = (recorded(tmp_path / str(n), rows, workers=n) for n in (1, 2))
    assert one == two
    assert len(one) == 6_000


def test_the_recorder_names_what_it_waits_for():
    recorder = all_recorders()["answers"]
    assert recorder.fills == ("answers", "stated")
    assert recorder.after == ("images",)


@pytest.mark.parametrize(
    ("turns", "how"),
    [
        (("What color is the car? (Answer: red)", "Red"), "marked"),
        (("Caption: two dogs run.\nHow many dogs are there?", "2"), "hint"),
        (("The bus is blue. What color is the bus?", "blue"), "statement"),
        (
            ("Describe.", "A man holds three balloons.", "How many balloons are there?", "Three"),
            "earlier_turn",
        ),
        (("A man rides a tall brown horse. Describe it.", "A man rides a tall brown horse."), "verbatim"),
    ],
)
def test_where_the_prompt_states_the_answer(tmp_path, turns, how):
    first, *rest = turns
    assert [s["how"] for s in recorded(tmp_path, [row(f"<image>\n{first}", *rest)], "stated")] == [how]


@pytest.mark.parametrize(
    "turns",
    [
        ("Q: What color? Answer: red. Q: What color? Answer: red. What color is the hat?", "red"),
        ("Describe.", "A dog next to a red bus.", "What color is the dog?", "Red"),
        ("A red car and a blue car. What color is the car on the left?", "Red"),
        ("Is it true that the man rides a brown horse?", "The man rides a brown horse."),
        ("There are 3 rows of 4 chairs. How many chairs are empty?", "3"),
        ("Repeat after me: the sky is very blue today.", "The sky is very blue today."),
    ],
)
def test_what_does_not_state_the_answer(tmp_path, turns):
    first, *rest = turns
    assert recorded(tmp_path, [row(f"<image>\n{first}", *rest)], "stated") == []


def test_a_text_only_row_may_state_its_answer(tmp_path):
    rows = [row("The bus is blue. What color is the bus?", "blue", image=None)]
    assert recorded(tmp_path, rows, "stated") == []


def test_contradicting_rows_name_each_other():
    rows = [row("<image>\nIs there a dog?", answer) for answer in ["Yes"] * 30 + ["No"]]
    found = findings_of("CON401", rows)
    assert len(found) == 31
    lone = next(f for f in found if f["position"] == 31)
    assert lone["score"] == pytest.approx(30 / 31)
    others = json.loads(lone["evidence"])["others"]
    assert len(others) == 20
    assert {o["answer"] for o in others} == {"Yes"}


def test_the_denominator_is_the_samples_that_could_contradict(tmp_path):
    rows = [
        row("<image>\nIs there a dog?", "Yes"),
        row("<image>\nIs there a dog?", "No"),
        row("<image>\nIs it?", "No"),
    ]
    write_json(tmp_path / "rows.json", rows)
    report = run(
        parse_config({"data": tmp_path / "rows.json", "out": tmp_path / "a", "select": ("CON401",)}, "test")
    )
    evidence = next(e for e in report.evidence if e["check"] == "CON401")
    assert (evidence["flagged"], evidence["of"]) == (2, 2)


def test_captions_of_one_photo_do_not_contradict(shared_data):
    rows = json.loads((shared_data / "coco" / "llava.json").read_text())
    assert findings_of("CON401", rows) == []


def test_a_source_that_refuses_on_purpose_is_one_finding():
    rows = [
        row(f"<image>\nWhat is at {n}?", "I cannot see the image." if n % 2 else "A cup.", source="mix")
        for n in range(60)
    ]
    (found,) = findings_of("INT107", rows)
    assert found["sample_id"] is None
    assert json.loads(found["evidence"])["key"] == "mix"


def test_a_row_with_one_empty_answer_is_not_safe_to_drop():
    (found,) = findings_of("INT106", [row("<image>\nWhat?", "A cup.", "And?", "")])
    assert found["turn"] == 3
    assert json.loads(found["evidence"])["safe"] is False


def test_the_yes_ratio_is_named():
    rows = [row(f"<image>\nIs there a {n}?", "Yes" if n < 95 else "No", image=f"{n}.jpg") for n in range(100)]
    (found,) = findings_of("BAL901", rows)
    assert "95 % of 100 yes-or-no answers are yes" in found["message"]


def test_shares_of_the_modalities_by_hand():
    rows = [row("<image>\nDescribe.", "x" * 40), *[row("Tell.", "x" * 120, image=None)] * 3]
    (found,) = findings_of("MOD501", rows)
    seen = json.loads(found["evidence"])
    assert seen["share"] == found["score"] == pytest.approx(90 / 100)
    assert seen["low"] == seen["high"] == pytest.approx(0.9)
    assert seen["row_share"] == pytest.approx(0.75)
    assert seen["image_tokens"] == 576


@pytest.mark.parametrize(("text_only", "exceeds"), [(2, False), (3, True), (4, True)])
def test_a_share_of_rows_is_judged_where_the_tokens_are_few(tmp_path, text_only, exceeds):
    rows = [row("<image>\nDescribe.", "x" * 400), *[row("Tell.", "x", image=None)] * text_only]
    write_json(tmp_path / "rows.json", rows)
    config = {"data": tmp_path / "rows.json", "out": tmp_path / "a", "select": ("MOD501",)}
    report = run(parse_config(config, "test"))
    [found] = report.findings.to_pylist()
    seen = json.loads(found["evidence"])
    assert seen["by"] == "rows"
    assert found["score"] == seen["row_share"] == seen["high"] == pytest.approx(text_only / (text_only + 1))
    assert seen["share"] < 0.05
    assert report.verdict == ("REVIEW" if exceeds else "PASS")


def test_the_sampled_share_of_rows_has_an_interval():
    rows = [row("<image>\nDescribe.", "x" * 400), *[row("Tell.", "x", image=None)] * 3] * 40
    (found,) = findings_of("MOD501", rows, {"sample": 80})
    seen = json.loads(found["evidence"])
    half = 1.96 * (seen["row_share"] * (1 - seen["row_share"]) / 80 * 0.5) ** 0.5
    assert seen["high"] - found["score"] == pytest.approx(half)
    assert found["score"] - seen["low"] == pytest.approx(half)


def test_the_sampled_share_has_an_interval():
    rows = [row("<image>\nDescribe.", "x" * 40), row("Tell.", "x" * 120, image=None)] * 40
    (found,) = findings_of("MOD501", rows, {"sample": 20})
    seen = json.loads(found["evidence"])
    assert seen["low"] < seen["share"] < seen["high"]


def test_a_batch_without_answers_gives_empty_tables():
    import pyarrow as pa

    names = ("sample_id", "turn", "role", "text", "supervised", "image_id")
    batch = pa.table([["a"], [0], ["user"], ["What?"], [False], [None]], names=names)
    assert {name: table.num_rows for name, table in answers_of(batch).items()} == {"answers": 0, "stated": 0}

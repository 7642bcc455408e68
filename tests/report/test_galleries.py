import pytest

from sft_audit.report.galleries import read_galleries
from sft_audit.store import Store

from . import synthetic

TALK = [("user", "Q1 <image>"), ("assistant", "A1"), ("user", "Q2"), ("assistant", "A2")]


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path, "1GB", 1)
    rows = [(f"f.json:{n}", "f.json", n, n + 1, "src") for n in range(1, 6)]
    synthetic.put(store, "samples", "sample_id file position line source", rows)
    turns = [(row[0], turn, *said) for row in rows for turn, said in enumerate(TALK)]
    synthetic.put(store, "turns", "sample_id turn role text", turns)
    images = [(name, 0, f"{n}.jpg", f"{n}", None) for n, (name, *_) in enumerate(rows)]
    images[4] = ("f.json:5", 0, "gone.jpg", None, "missing")
    synthetic.put(store, "image_uses", "sample_id slot uri image_id problem", images)
    yield store
    store.close()


def cards(store, findings, most=3):
    rows = [(f"{n}", "GRD202", *finding, "open") for n, finding in enumerate(findings)]
    columns = "finding_id check sample_id turn score message evidence status"
    synthetic.put(store, "findings", columns, rows)
    return read_galleries(store, synthetic.config(), most, pixels=True).get("GRD202", ())


def test_the_highest_scores_come_first_then_the_first_rows_and_no_more_than_asked(store):
    findings = [
        (f"f.json:{n}", 1, score, "m", "{}") for n, score in ((1, 0.2), (4, None), (3, 0.9), (2, 0.9))
    ]
    assert [c.where for c in cards(store, findings)] == [
        "f.json:3, row 2",
        "f.json:4, row 3",
        "f.json:2, row 1",
    ]


@pytest.mark.parametrize(
    ("turn", "said"), [(None, ("Q1 <image>", "A1")), (1, ("Q1 <image>", "A1")), (3, ("Q2", "A2"))]
)
def test_a_card_shows_the_exchange_that_the_finding_is_about(store, turn, said):
    (card,) = cards(store, [("f.json:2", turn, 1.0, "m", "{}")])
    assert (card.question, card.answer) == said


def test_the_other_rows_that_the_evidence_names_are_named(store):
    evidence = '{"first": "f.json:1", "others": ["f.json:3", "no row"], "copy": 2}'
    (card,) = cards(store, [("f.json:2", None, 1.0, "m", evidence)])
    assert card.beside == "f.json:2, row 1, f.json:4, row 3"


def test_a_picture_that_could_not_be_read_says_why(store):
    (card,) = cards(store, [("f.json:5", None, 1.0, "m", "{}")])
    assert card.image == "gone.jpg (missing)"
    assert card.pictures == ()


def test_a_finding_about_the_whole_has_no_row(store):
    (card,) = cards(store, [(None, None, 1.0, "a field leaks", '{"key": "file name"}')])
    assert (card.where, card.question, card.image) == ("the whole data set", "", "")

"""The layer profile."""

from xml.etree import ElementTree as ET

from sft_audit.example import drift
from sft_audit.report.drift_chart import draw_drift

SVG = "{http://www.w3.org/2000/svg}"
PLACES = ("vision.0", "vision.1", "vision.2", "projector", "language.0", "language.1")


def rows(least=0.9, null_runs=5):
    made = [drift(place, 0.98 - 0.1 * at, least, null_runs) for at, place in enumerate(PLACES)]
    return [row | {"ordinal": at} for at, row in enumerate(made)]


def read(svg):
    return ET.fromstring(
        str(svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="l" ', 1)
    )


def test_it_says_every_layer_in_the_model_s_order():
    said = read(draw_drift(reversed(rows()))).find(f"{SVG}desc").text
    assert said.split("; ")[0] == (
        "vision.0: CKA 0.98, 95 % interval 0.95 to 1.00, benign runs stay above 0.90"
    )
    assert [one.partition(":")[0] for one in said.split("; ")] == list(PLACES)
    assert "held against 0.70" in draw_drift(rows(0.7, 0))


def test_it_names_the_parts_and_the_levels():
    texts = [text.text for text in read(draw_drift(rows())).iter(f"{SVG}text")]
    assert texts == ["0", "0.5", "1", "vision", "projector", "language"]


def test_the_band_of_benign_runs_is_there_where_there_are_levels():
    with_band, without = draw_drift(rows()), draw_drift([row | {"least": None} for row in rows()])
    assert "var(--grey)" in with_band
    assert "var(--grey)" not in without


def test_without_a_layer_there_is_no_chart():
    assert draw_drift([]) is None
    assert draw_drift([drift("vision.0", 0.5) | {"measure": "cosine"}]) is None

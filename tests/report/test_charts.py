from xml.etree import ElementTree as ET

import pytest

from sft_audit.report.charts import Dot, Stack, dots, stacks

HOSTILE = '<script>alert(1)</script> & "quoted" $x^2$ @0@ #010101 日本\u202e\x00'
SVG = "{http://www.w3.org/2000/svg}"


def read(svg):
    return ET.fromstring(
        str(svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="l" ', 1)
    )


@pytest.fixture
def drawn():
    return dots("one", "A chart", [Dot(HOSTILE, 0.4, 0.3, 0.5, 0.5), Dot("b", 0.1, -0.1, 0.2)], "chance")


def test_words_are_text_and_only_text(drawn):
    tree = read(drawn)
    texts = [t.text for t in tree.iter(f"{SVG}text")]
    assert '<script>alert(1)</script> & "quot…' in texts
    assert not list(tree.iter(f"{SVG}script"))


def test_title_and_description_say_the_numbers(drawn):
    tree = read(drawn)
    assert tree.find(f"{SVG}title").text == "A chart"
    said = tree.find(f"{SVG}desc").text
    assert "$x^2$ @0@ #010101 日本⟨U+202E⟩⟨U+0000⟩: 40.0%, 95 % interval 30.0% to 50.0%, chance 50.0%" in said


def test_colours_and_letters_are_the_pages_own(drawn):
    assert "var(--blue)" in drawn
    assert "font-family" not in drawn
    assert "<style" not in drawn


def test_a_drawing_is_the_same_every_time_and_carries_no_date():
    rows = [Stack("yes/no", (0.2, 0.0, 0.3), "1 bit")]
    first, second = (stacks("two", "Bits", rows, ("a", "b", "c"), ("grey", "amber", "blue")) for _ in "12")
    assert first == second
    assert "metadata" not in first
    assert "a 40.0%, b 0.0%, c 60.0%" in first


def test_names_differ_between_charts(drawn):
    other = dots("other", "A chart", [Dot("a", 0.4, 0.3, 0.5)])
    names = [{e.get("id") for e in read(svg).iter()} - {None} for svg in (drawn, other)]
    assert names[0].isdisjoint(names[1])

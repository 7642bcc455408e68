import re

import pytest

from sft_audit.audit import Outcome
from sft_audit.policy import Policy, judge
from sft_audit.report.page import MOST_BYTES
from sft_audit.store import Store

from . import synthetic
from .markup import parse


@pytest.fixture(scope="module")
def markup(page):
    return parse(page)


def words(element):
    return " ".join(element.text.split())


def test_every_element_is_closed_where_it_was_opened(markup):
    assert markup.unbalanced == []
    assert markup.open == []


def test_ids_are_unique(markup):
    ids = [e.attributes["id"] for e in markup.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))


def test_every_link_within_the_page_leads_somewhere(markup):
    ids = {e.attributes.get("id") for e in markup.elements}
    targets = {e.attributes["href"].removeprefix("#") for e in markup.all("a")}
    assert targets <= ids


def test_sections_come_in_order_with_the_verdict_first(page):
    places = [
        page.index(f'id="{name}"')
        for name in ["reasons", "wounds", "families", "flagged", "aside", "sources", "run"]
    ]
    assert page.index("<h1") < places[0]
    assert places == sorted(places)


def test_nothing_is_fetched_and_nothing_runs(markup):
    assert not markup.all("script") + markup.all("iframe") + markup.all("link") + markup.all("form")
    for element in markup.elements:
        for name, value in element.attributes.items():
            assert not name.startswith("on"), element
            if name in ("src", "href", "xlink:href"):
                assert value.startswith(("data:image/", "#")), value


def test_the_security_policy_allows_nothing_but_inline_style_and_data_images(markup):
    policy = next(e for e in markup.all("meta") if e.attributes.get("http-equiv"))
    assert policy.attributes["http-equiv"] == "Content-Security-Policy"
    assert policy.attributes["content"].startswith(
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    )


def test_hostile_text_is_shown_as_text(page, markup):
    assert "<script>alert('source')</script>" in words(markup.with_id("sources"))
    assert 'onerror="document.title=1"' in words(markup.with_id("flagged"))
    assert "{{ 7 * 7 }}" in words(markup.with_id("flagged"))
    assert "⟨U+202E⟩moc.live⟨U+202C⟩" in page
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)


def test_a_reason_has_its_number_interval_threshold_and_source(markup):
    reasons = words(markup.with_id("reasons"))
    assert "BLOCK PRF303 rejected-as-target 1.5 % (29 of 2,000)" in reasons
    assert "Exploit · blocks above 1.0 % published: A Paper 2025, table 2" in reasons
    assert "GRD203 leaking-field 0.28 · upper 95 % bound 0.35" in reasons
    assert "UNKNOWN CON402 crashing-check" in reasons


def test_each_axis_says_how_it_stands(markup):
    said = words(markup.with_class("axes")[0])
    assert re.search("Blindness.*BLOCK.*Exploit.*BLOCK.*Readiness.*not asked.*Integrity.*BLOCK", said)


def test_each_wound_has_a_number_an_interval_and_a_picture(markup):
    wounds = markup.with_class("wound")
    assert [words(w)[:12] for w in wounds] == ["Wound 1 of 3", "Wound 2 of 3", "Wound 3 of 3"]
    assert "32.0 % 95 % interval 28.0 to 36.0 %" in words(wounds[0])
    assert "Not scored: 118 answers" in words(wounds[0])
    assert "3.6 % 95 % interval 2.9 to 4.5 %" in words(wounds[1])
    assert "45.6 % 95 % interval 42.9 to 48.3 %" in words(wounds[2])
    assert len(markup.all("svg")) == 4
    assert all(e.within[-3:] == ("div", "div", "figure") for e in markup.all("svg"))


def test_each_chart_speaks_to_those_who_listen(markup):
    ids = {e.attributes.get("id"): e.text for e in markup.elements}
    for svg in markup.all("svg"):
        title, described = svg.attributes["aria-labelledby"].split()
        assert svg.attributes["role"] == "img"
        assert ids[title]
        assert "%" in ids[described]


def test_galleries_show_the_worst_first_with_question_answer_and_place(markup):
    cards = [words(c) for c in markup.with_class("card")]
    first = next(c for c in cards if "measured 1 where 0 was expected" in c)
    assert re.search(r"Q .*What is shown in picture \d+\?.* A .*data\.json:\d+", first)
    gallery = words(markup.with_id("check-GRD202"))
    assert "8 of 255 findings" in gallery
    shown = [int(n) for n in re.findall(r"measured (\d+) where", gallery)]
    assert shown == [1, 2, 5, 6, 7, 8, 9, 10]


def test_not_asked_crashed_waived_and_known_are_all_shown(markup):
    aside = words(markup.with_id("aside"))
    assert "GRD204 language-prior" in aside
    assert "Traceback (most recent call last)" in aside
    assert "CON401: 1 finding. known since the last release — ana@example.org, until 2999-01-01" in aside
    assert "ran out, not applied" in aside
    assert "PRF303 rejected-as-target: 1" in aside


def test_no_thumbnails_shows_no_pixels_and_all_the_text(tmp_path, markup):
    store = synthetic.make(tmp_path)
    page = synthetic.report(tmp_path, store, synthetic.outcome(store), synthetic.config(thumbnails=False))
    assert markup.all("img")
    bare = parse(page)
    assert not bare.all("img")
    assert "data:image" not in page
    assert len(bare.with_class("card")) == len(markup.with_class("card"))


def test_an_empty_audit_is_reported_as_one(tmp_path):
    store = Store(tmp_path, "1GB", 1)
    outcome = Outcome((), judge(Policy(), (), 0), {}, {})
    empty = parse(synthetic.report(tmp_path, store, outcome, synthetic.config()))
    assert empty.unbalanced == []
    assert [words(w) for w in empty.all("h1")] == ["UNKNOWN"]
    assert [words(w) for w in empty.with_class("none")] == ["not asked"] * 3
    assert not empty.all("svg")


@pytest.mark.parametrize("letter", ["<", "\u202e", "👩\u200d🚀"])
def test_the_size_is_bounded_whatever_the_findings(tmp_path, letter):
    store = synthetic.make(tmp_path, repeat=300, text=letter * 5000)
    assert store.value("select count(*) from findings") > 100_000
    page = synthetic.report(tmp_path, store, synthetic.outcome(store), synthetic.config())
    assert len(page.encode()) <= MOST_BYTES
    assert parse(page).unbalanced == []


def test_equal_tables_give_equal_bytes(tmp_path, folder):
    store = synthetic.make(tmp_path)
    synthetic.report(tmp_path, store, synthetic.outcome(store), synthetic.config())
    for name in ("report.html", "sources.csv"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()

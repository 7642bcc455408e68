import pytest

from sft_audit.report.visible import between, cut, percent, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("a\x00b", "a⟨U+0000⟩b"),
        ("\u202eevil", "⟨U+202E⟩evil"),
        ("\ud800", "⟨U+D800⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("\u0645\u06cc\u200c\u062e 👩\u200d🚀", "\u0645\u06cc\u200c\u062e 👩\u200d🚀"),
    ],
)
def test_what_hides_is_spelled_out(text, shown):
    assert visible(text) == shown


@pytest.mark.parametrize("letter", ["a", "\x00", "👩"])
def test_a_cut_text_is_never_longer(letter):
    assert len(cut(letter * 999, 50)) <= 50
    assert cut(letter * 999, 50).endswith("…")
    assert cut("short", 50) == "short"


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.123456, "12.3 %"),
        (0.00321, "0.32 %"),
        (-0.218, "-21.8 %"),
        (None, "-"),
    ],
)
def test_a_share_has_the_digits_that_say_something(share, said):
    assert percent(share) == said


def test_an_interval_names_its_unit_once():
    assert between(0.0, 0.0523) == "0 to 5.2 %"

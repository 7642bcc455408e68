"""Answers that are certainly wrong, in the style of the known one."""

import re
from decimal import Decimal

from sft_audit.record.canonical import COLOURS, NEAR_COLOURS, NUMBER_WORDS
from sft_audit.record.question import fold
from sft_audit.rewards.trial import KnownAnswer, draw

# For a text that nothing in it makes plainly false; no photo question has it for an answer.
STOCK = "a purple submarine"
_NUMERAL = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
_DIGIT = re.compile(r"[0-9]")
_POLAR_WORD = re.compile(r"yes|yeah|yep|true|no|nope|false", re.IGNORECASE)
_OPPOSITE = {"true": "false", "false": "true"}
_WORD_OF = {n: word for word, n in reversed(NUMBER_WORDS.items())}
_LETTERS = "ABCD"


def rival(known: KnownAnswer) -> str:
    """Return one wrong answer."""
    return rivals(known)[0]


def rivals(known: KnownAnswer) -> tuple[str, ...]:
    """Return wrong answers of the known one's kind, at least one, none twice."""
    found: tuple[str, ...]
    match known.kind:
        case "yes_no":
            found = (opposite(known),)
        case "option":
            found = other_options(known)
        case "colour":
            found = other_colours(known)
        case "count" | "number":
            found = near_numbers(known)
        case _:
            found = other_texts(known)
    return tuple(dict.fromkeys(found)) or (STOCK,)


def polar_word(known: KnownAnswer) -> str:
    """Return the word that says yes or no, as the known answer writes it."""
    found = _POLAR_WORD.search(known.text)
    return found[0] if found else str(known.canonical)


def opposite(known: KnownAnswer) -> str:
    """Return no for yes, false for true, in the known answer's letter case."""
    word = polar_word(known)
    other = _OPPOSITE.get(word.lower(), "no" if known.canonical == "yes" else "yes")
    if word.isupper():
        return other.upper()
    return other.capitalize() if word[0].isupper() else other


def other_options(known: KnownAnswer) -> tuple[str, ...]:
    """Return the other options: their texts where the known answer is a text, else their names."""
    names = [name for name, _ in known.question.options] or list(_LETTERS)
    right = known.canonical or ""
    others = [name for name in names if name != right]
    texts = [known.option_text(name) for name in others]
    if fold(known.text) == fold(known.option_text(right) or "") and (
        shown := [text for text in texts if text]
    ):
        others = shown
    start = draw(known, "option", range(max(1, len(others))))
    return tuple(others[start:] + others[:start])


def other_colours(known: KnownAnswer) -> tuple[str, ...]:
    """Return colours that nobody calls by the known one's name: none of its neighbours."""
    right = set((known.canonical or "").split("+"))
    near = {b for a, b in NEAR_COLOURS if a in right} | {a for a, b in NEAR_COLOURS if b in right}
    others = sorted(set(COLOURS.values()) - right - near)
    start = draw(known, "colour", range(max(1, len(others))))
    return tuple(others[start:] + others[:start])


def near_numbers(known: KnownAnswer) -> tuple[str, ...]:
    """Return the number plus 1, minus 1 (not below zero), and with one digit changed."""
    value = number(known)
    below = (value - 1,) if value >= 1 or value < 0 else ()
    changed = Decimal(_with_a_digit_changed(known, f"{value:f}"))
    return tuple(written(known, one) for one in (value + 1, *below, changed))


def other_texts(known: KnownAnswer) -> tuple[str, ...]:
    """Return the text with a digit changed, a formula plus one, and a text that has nothing to do with it."""
    if re.search(r"[\\^]", known.text):
        inner = known.text.strip("$")
        return (STOCK,) if "infty" in inner else (known.text.replace(inner, f"{inner}+1"), STOCK)
    if _DIGIT.search(known.text) and known.kind == "phrase":
        return (_with_a_digit_changed(known, known.text), STOCK)
    return (STOCK,)


def number(known: KnownAnswer) -> Decimal:
    """Return a known count or number, with the decimals that its answer shows."""
    shown = _NUMERAL.findall(known.text)
    return Decimal(shown[0].replace(",", "") if len(shown) == 1 else known.canonical or "0")


def written(known: KnownAnswer, value: Decimal) -> str:
    """Return another number in the known answer's style: in words, with commas, in its sentence."""
    if known.text.lower() in NUMBER_WORDS and value in _WORD_OF:
        return _WORD_OF[int(value)]
    shown = _NUMERAL.findall(known.text)
    if len(shown) != 1:
        return f"{value:f}"
    return known.text.replace(shown[0], f"{value:,f}" if "," in shown[0] else f"{value:f}")


def _with_a_digit_changed(known: KnownAnswer, text: str) -> str:
    at = draw(known, "place", [found.start() for found in _DIGIT.finditer(text)])
    digit = draw(known, "digit", [one for one in "123456789" if one != text[at]])
    return text[:at] + digit + text[at + 1 :]

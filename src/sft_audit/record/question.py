"""What a question asks for: its template, its options, and how its answer is to be read."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from unicodedata import normalize

from sft_audit.sample import PLACEHOLDER

Asks = Literal["yes_no", "colour", "count", "option", "open"]
Options = tuple[tuple[str, str], ...]

ENDS = " \t\r\n.,;:!?\"'`*\u2018\u2019\u201c\u201d\u3002\uff0c\uff01\uff1f"
_PLACEHOLDER = re.compile(
    r"(?:image[- ]?\d+ ?: ?)?"
    r"(?:<(?:image|video|img|image[ _]?\d+|img_context)>|</img>"
    r"|<\|[a-z_]{0,24}(?:image|video|vision)[a-z_]{0,24}\|>)",
    re.IGNORECASE,
)
_LETTER = re.compile(r"(?:^|(?<=[\s,;]))[(\[]?([A-Ja-j])[).:\]](?=\s*\S)", re.MULTILINE)
_LETTERS = 10  # A to J
_LISTED = re.compile(r"\b(?:choices|options)(?: are)? ?:[ \t]*([^\n]+)")
_AFTER_OPTIONS = re.compile(r"\n|\s(?:please\s)?(?:answer|respond|reply|choose|select|pick)\b", re.IGNORECASE)
_COUNTS = re.compile(r"\bnumber of (?!the\b|this\b)|\bcount (?:the|of|all)\b")
_COLOUR = re.compile(r"\bcolou?rs?\b")
_POLAR_WORDS = (
    r"(?:is|are|was|were|does|do|did|can|could|has|have|had|will|would|should|isn't|aren't|doesn't|don't)"
    r"\b(?! you\b)"
)
_POLAR_START = re.compile(_POLAR_WORDS)
_POLAR = re.compile(rf"[.,:;!?]\s{{0,4}}{_POLAR_WORDS}")
_JUDGED = ("yes or no", "yes/no", "true or false", "true/false")
_CHOOSES = ("option", "choice", "letter", "which of the following")
_FIRST, _SECOND = re.compile(r"[Aa][).:\]]"), re.compile(r"[Bb][).:\]]")
_QUOTED = re.compile(r'"[^"\n]*"|\u201c[^\u201c\u201d\n]*\u201d|(?<!\w)\'[^\'\n]{2,}\'(?!\w)')
_DIGITS = re.compile(r"\d+(?:[.,:]\d+)*")
_CACHED_LENGTH = 400


@dataclass(frozen=True, slots=True)
class Question:
    """What a question asks for: its folded text, its template, and the options that it lists.

    In the template, which is in lower case, numbers are `#`, quoted words `"\u2026"` and the list of options
    `<options>`; a noun that varies from row to row stays. `options` are pairs of a name (the letter, or the
    folded text where there are no letters) and the folded text.
    """

    text: str
    template: str
    asks: Asks
    options: Options


def bare(text: str) -> str:
    """Return a message without its image placeholders; lines are kept."""
    plain = text if ": <" in text else text.replace(PLACEHOLDER, " ")
    return _PLACEHOLDER.sub(" ", plain) if "<" in plain else plain


def read_question(text: str) -> Question:
    """Read a user message whose placeholders were removed."""
    return _read_cached(text) if len(text) <= _CACHED_LENGTH else _read(text)


def fold(text: str) -> str:
    """Return a short text without case, outer punctuation and leading article."""
    if not text.isascii():
        text = normalize("NFC", text)
    folded = " ".join(text.split()).strip(ENDS).casefold()
    for article in ("the ", "a ", "an "):
        if folded.startswith(article):
            return folded[len(article) :]
    return folded


def _read(text: str) -> Question:
    at, options = _options(text)
    stem = text[:at]
    lowered = stem.lower()
    masked = _DIGITS.sub("#", _mask_quotes(lowered)) + (" <options>" if options else "")
    return Question(" ".join(text.split()), " ".join(masked.split()), _asks(lowered, bool(options)), options)


def _asks(lowered: str, lists_options: bool) -> Asks:
    if lists_options:
        return "option"
    if "how many" in lowered:
        return "count"
    if _POLAR_START.match(lowered) or _POLAR.search(lowered) or any(phrase in lowered for phrase in _JUDGED):
        return "yes_no"
    if ("number of" in lowered or "count " in lowered) and _COUNTS.search(lowered):
        return "count"
    if "colo" in lowered and _COLOUR.search(lowered):
        return "colour"
    return "option" if any(word in lowered for word in _CHOOSES) else "open"


def _mask_quotes(text: str) -> str:
    return _QUOTED.sub('"…"', text) if '"' in text or "'" in text or "\u201c" in text else text


def _options(text: str) -> tuple[int, Options]:
    """Return where the list of options starts (the text's end, when there is none) and the options."""
    lettered = _FIRST.search(text) and _SECOND.search(text)
    marks = list(_LETTER.finditer(text)) if lettered else []
    starts = [i for i, m in enumerate(marks) if m[1] in "Aa"]
    for start in reversed(starts):
        first = ord(marks[start][1])
        run = [m for n, m in enumerate(marks[start : start + _LETTERS]) if ord(m[1]) == first + n]
        if len(run) > 1 and run == marks[start : start + len(run)]:
            return run[0].start(), _lettered(text, run)
    lowered = text.lower() if ":" in text else ""
    listed = _LISTED.search(lowered) if "choices" in lowered or "options" in lowered else None
    if listed and len(lowered) == len(text):
        shown = [fold(part) for part in re.split(r"[,;|]|\sor\s", listed[1].strip(" []()."))]
        named = tuple(dict.fromkeys(part for part in shown if part))
        if len(named) > 1:
            return listed.start(), tuple((part, part) for part in named)
    return len(text), ()


def _lettered(text: str, run: list[re.Match[str]]) -> Options:
    ends = [m.start() for m in run[1:]]
    after = _AFTER_OPTIONS.search(text, run[-1].end())
    ends.append(after.start() if after else len(text))
    return tuple((m[1].upper(), fold(text[m.end() : end])) for m, end in zip(run, ends, strict=True))


_read_cached = lru_cache(maxsize=1 << 15)(_read)

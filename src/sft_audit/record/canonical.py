"""One spelling per meaning for a short answer, and the question that says how to read it."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from unicodedata import normalize

AnswerKind = Literal["yes_no", "colour", "count", "option", "number", "phrase", "free"]
Asks = Literal["yes_no", "colour", "count", "option", "open"]

# Colour words that name the same stretch of the colour circle in everyday answers.
COLOURS = {
    **{c: c for c in "black white red green blue yellow orange brown pink purple grey".split()},
    **{"gray": "grey", "silver": "grey", "navy": "blue", "violet": "purple", "lavender": "purple"},
    **{"lilac": "purple", "maroon": "red", "crimson": "red", "burgundy": "red", "magenta": "pink"},
    **{"teal": "turquoise", "cyan": "turquoise", "aqua": "turquoise", "turquoise": "turquoise"},
    **{"gold": "gold", "golden": "gold", "tan": "beige", "beige": "beige", "khaki": "beige", "cream": "beige"},
}
# Neighbours that people call now by one name, now by the other.
NEAR_COLOURS = (
    "beige|brown beige|white beige|yellow beige|grey beige|gold blue|purple blue|turquoise blue|grey "
    "black|grey black|blue brown|orange brown|red brown|gold gold|yellow gold|orange green|turquoise "
    "green|yellow grey|white orange|red orange|yellow orange|pink pink|purple pink|red purple|red"
).split()

_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_NUMBER_WORDS = {
    **{word: n for n, word in enumerate(_UNITS)},
    **{word: 10 * n for n, word in enumerate(_TENS, 2)},
    **{
        f"{tens}{gap}{unit}": 10 * t + u
        for t, tens in enumerate(_TENS, 2)
        for u, unit in enumerate(_UNITS[1:10], 1)
        for gap in "- "
    },
}

_PLACEHOLDER = re.compile(
    r"(?:image[- ]?\d+ ?: ?)?(?:<(?:image|video|img|image[ _]?\d+|img_context)>|</img>|<\|[a-z_]*(?:image|video|vision)[a-z_]*\|>)",
    re.IGNORECASE,
)
_LETTER = re.compile(r"(?:^|(?<=[\s,;]))[(\[]?([A-Ja-j])[).:\]](?=\s*\S)", re.MULTILINE)
_LISTED = re.compile(r"\b(?:choices|options)(?: are)? ?:[ \t]*([^\n]+)", re.IGNORECASE)
_AFTER_OPTIONS = re.compile(r"\n|\s(?:please\s)?(?:answer|respond|reply|choose|select|pick)\b", re.IGNORECASE)
_HOW_MANY = re.compile(r"\bhow many\b", re.IGNORECASE)
_COUNTS = re.compile(r"\bnumber of (?!the\b|this\b)|\bcount (?:the|of|all)\b", re.IGNORECASE)
_COLOUR = re.compile(r"\bcolou?rs?\b", re.IGNORECASE)
_POLAR = re.compile(
    r"\b(?:yes or no|yes/no|true or false|true/false)\b|(?:^|[.,:;!?\n][ \t]*)"
    r"(?:is|are|was|were|does|do|did|can|could|has|have|had|will|would|should|isn't|aren't|doesn't|don't)\b(?! you\b)",
    re.IGNORECASE,
)
_CHOOSES = re.compile(r"\b(?:option|choice|letter|which of the following)\b", re.IGNORECASE)
_QUOTED = re.compile(r'"[^"\n]*"|“[^”\n]*”|(?<!\w)\'[^\'\n]{2,}\'(?!\w)')
_DIGITS = re.compile(r"\d+(?:[.,:]\d+)*")

_FINAL = re.compile(
    r"<answer>(.*?)</answer>|\\boxed\{([^{}]*)\}|(?:^|\n)[\s*#]*(?:the )?(?:correct |final )?answer[\s*]*(?:is|:)[\s*:]*([^\n]+)",
    re.IGNORECASE | re.DOTALL,
)
_YES_NO = re.compile(r"(yes|yeah|yep|true|no|nope|false)(?![\w'-])(.*)", re.IGNORECASE | re.DOTALL)
_CLAUSE = re.compile(r"\s+(?:it|there|he|she|they|the|this|that|these|those|you|i|we|both|all)\b", re.IGNORECASE)
_HEDGE = re.compile(
    r"\b(?:but|although|though|however|maybe|perhaps|partly|partially|except|unless|unclear|not sure|or|and (?:yes|no|true|false))\b",
    re.IGNORECASE,
)
_INEXACT = re.compile(
    r"\b(?:about|around|approximately|roughly|nearly|almost|least|most|more|fewer|less|over|under|several|many|few|"
    r"some|couple|dozens?|hundreds?|thousands?|or|between|up to|not|possibly|likely)\b|n't\b|~|\d\s*[-–/]\s*\d|\d\+"
)
_NUMERAL = re.compile(r"[-−+]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")
_WORDS = re.compile(r"(?<![\w.])(?:[0-9]+(?:,[0-9]{3})*(?![\w%])(?!\.[0-9])|[a-z]+(?:-[a-z]+)?)")
_CHOICE = re.compile(r"(?:option |choice )?([(\[]?)([A-Ja-j])([)\].:,]*)(?:\s+.*|$)", re.DOTALL)
_ENDS = " \t\r\n.,;:!?\"'`*“”‘’。，！？"
_LONG = 400
_TAIL = 2000
_PHRASE_WORDS = 6
_SENTENCE_WORDS = 25


@dataclass(frozen=True, slots=True)
class Question:
    """What a question asks for: its folded text, its template, and the options that it lists.

    `options` are pairs of a name (the letter, or the folded text where there are no letters) and the folded text.
    """

    text: str
    template: str
    asks: Asks
    options: tuple[tuple[str, str], ...]


def bare(text: str) -> str:
    """Return a message without its image placeholders; lines are kept."""
    return _PLACEHOLDER.sub(" ", text) if "<" in text else text


def read_question(text: str) -> Question:
    """Read a user message whose placeholders were removed."""
    return _read_cached(text) if len(text) <= _LONG else _read(text)


def _read(text: str) -> Question:
    at, options = _options(text)
    stem = text[:at]
    asks: Asks = "open"
    if options:
        asks = "option"
    elif _HOW_MANY.search(stem):
        asks = "count"
    elif _POLAR.search(stem):
        asks = "yes_no"
    elif _COUNTS.search(stem):
        asks = "count"
    elif _COLOUR.search(stem):
        asks = "colour"
    elif _CHOOSES.search(stem):
        asks = "option"
    masked = _DIGITS.sub("#", _QUOTED.sub('"…"', stem)).lower() + (" <options>" if options else "")
    return Question(" ".join(text.split()), " ".join(masked.split()), asks, options)


def canonicalise(question: Question, answer: str) -> tuple[AnswerKind, str | None]:
    """Return the kind of an answer and its one spelling (None for free text).

    Equal spellings agree. What is not plainly one of the closed kinds stays a phrase or free text.
    """
    if len(answer) > _LONG and "nswer" not in answer and "boxed" not in answer:
        return _yes_no(answer.strip(), question.asks) or ("free", None)
    decide = _canonical_cached if len(answer) <= _LONG else _canonical
    return decide(question.asks, question.options, answer)


def fold(text: str) -> str:
    """Return a short text without case, outer punctuation, and leading article."""
    if not text.isascii():
        text = normalize("NFC", text)
    folded = " ".join(text.split()).strip(_ENDS).casefold()
    for article in ("the ", "a ", "an "):
        if folded.startswith(article):
            return folded[len(article) :]
    return folded


def _canonical(asks: Asks, options: tuple[tuple[str, str], ...], answer: str) -> tuple[AnswerKind, str | None]:
    text = _final(answer).strip()
    found: tuple[AnswerKind, str | None] | None = None
    if asks == "option":
        found = _option(text, options)
    elif asks == "count":
        found = _count(text)
    elif asks == "colour":
        found = _colour(text)
    found = found or _yes_no(text, asks)
    if found is None and (number := _number(text)) is not None:
        found = ("count" if asks == "count" else "number"), number
    return found or _text(text)


def _final(answer: str) -> str:
    """Return what a worked answer concludes: inside its answer tag or box, or after `Answer:`."""
    if "nswer" not in answer and "boxed" not in answer:
        return answer
    last = None
    for last in _FINAL.finditer(answer[-_TAIL:]):
        pass
    concluded = next((part for part in last.groups() if part), "") if last else ""
    return concluded if concluded.strip(_ENDS) else answer


def _text(text: str) -> tuple[AnswerKind, str | None]:
    folded = fold(text)
    if not folded:
        return "phrase", ""
    # Scripts without spaces: a short line is a phrase, whatever its number of words.
    short = len(folded) <= 60 and folded.count(" ") < _PHRASE_WORDS
    return ("phrase", folded) if short and "\n" not in text.strip() else ("free", None)


def _yes_no(text: str, asks: Asks) -> tuple[AnswerKind, str | None] | None:
    match = _YES_NO.match(text.lstrip(_ENDS))
    if match is None:
        return None
    word, rest = match.groups()
    if rest.strip(_ENDS):
        stopped = rest.lstrip("\"'*`)")[:1] in tuple(",.;:!-–—\n") and not re.match(r"[.:]?\s*\d", rest)
        spoken = asks == "yes_no" and _CLAUSE.match(rest)
        if not (stopped or spoken) or _HEDGE.search(re.split(r"(?<=\w)[.!?\n]", rest, maxsplit=1)[0]):
            return None
    return "yes_no", "yes" if word.lower() in ("yes", "yeah", "yep", "true") else "no"


def _number(text: str) -> str | None:
    """Return the plain numeral that the whole text is, in digits or words; None when it is anything else."""
    folded = text.strip(" \t\r\n\"'`*").removesuffix(".").casefold()
    if folded in _NUMBER_WORDS:
        return str(_NUMBER_WORDS[folded])
    folded = folded.strip("$€£¥₹ ").removeprefix("rm").removeprefix("usd").strip()
    folded = folded.removesuffix("%").removesuffix("percent").strip()
    if not _NUMERAL.fullmatch(folded) or len(folded) > 15:
        return None
    plain = folded.replace(",", "").replace("−", "-").lstrip("+")
    if re.match(r"-?0\d", plain):
        return None  # a code, such as 007, not a quantity
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain


def _count(text: str) -> tuple[AnswerKind, str | None] | None:
    """Read the one number of a short sentence that answers `how many`."""
    if (whole := _number(text)) is not None:
        return "count", whole
    lowered = text.lower().strip()
    if not _one_sentence(lowered) or _INEXACT.search(lowered):
        return None
    found = set()
    for word in _WORDS.findall(lowered):
        if word[0].isdigit():
            found.add(int(word.replace(",", "")))
        elif word in _NUMBER_WORDS:
            found.add(_NUMBER_WORDS[word])
        elif word in ("none", "no") and lowered.strip(_ENDS) != "no":
            found.add(0)
    return ("count", str(found.pop())) if len(found) == 1 else None


def _colour(text: str) -> tuple[AnswerKind, str | None] | None:
    """Read the colours that a short sentence names; shades (`dark`, `light`) are left out."""
    lowered = text.lower().strip()
    if not _one_sentence(lowered) or _HEDGE.search(lowered) or re.search(r"\bnot\b|n't\b", lowered):
        return None
    named = {COLOURS[w] for w in re.findall(r"[a-z]+", lowered) if w in COLOURS}
    return ("colour", "+".join(sorted(named))) if named else None


def _one_sentence(text: str) -> bool:
    return len(text) <= _LONG and text.count(" ") < _SENTENCE_WORDS and not re.search(r"[.!?\n]\s*\S*[a-z]", text)


def _option(text: str, options: tuple[tuple[str, str], ...]) -> tuple[AnswerKind, str | None] | None:
    """Return the option's name: its letter, or its text where the list has no letters."""
    names = {name for name, _ in options}
    match = _CHOICE.match(text)
    if match:
        opening, letter, closing = match.groups()
        alone = text.strip("()[].:, ").removeprefix("option ").removeprefix("choice ") == letter
        known = letter.upper() in names if options else letter.isupper()
        if known and ((alone and (letter.isupper() or opening or options)) or (closing.strip(","))):
            return "option", letter.upper()
    folded = fold(text)
    named = [name for name, shown in options if shown == folded]
    if not named and (number := _number(text)) is not None:
        named = [name for name, shown in options if _number(shown) == number]
    return ("option", named[0]) if len(named) == 1 else None


def _options(text: str) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Return where the list of options starts (the text's end, when there is none) and the options."""
    marks = [m for m in _LETTER.finditer(text)] if ")" in text or "." in text or ":" in text or "]" in text else []
    starts = [i for i, m in enumerate(marks) if m[1] in "Aa"]
    for start in reversed(starts):
        first = ord(marks[start][1])
        run = [m for n, m in enumerate(marks[start:]) if ord(m[1]) == first + n]
        if len(run) > 1 and run == marks[start : start + len(run)]:
            return run[0].start(), _lettered(text, run)
    listed = _LISTED.search(text)
    if listed:
        shown = [fold(part) for part in re.split(r"[,;|]|\sor\s", listed[1].strip(" []()."))]
        named = tuple(dict.fromkeys(part for part in shown if part))
        if len(named) > 1:
            return listed.start(), tuple((part, part) for part in named)
    return len(text), ()


def _lettered(text: str, run: list[re.Match[str]]) -> tuple[tuple[str, str], ...]:
    ends = [m.start() for m in run[1:]]
    after = _AFTER_OPTIONS.search(text, run[-1].end())
    ends.append(after.start() if after else len(text))
    return tuple((m[1].upper(), fold(text[m.end() : end])) for m, end in zip(run, ends, strict=True))


_read_cached = lru_cache(maxsize=1 << 15)(_read)
_canonical_cached = lru_cache(maxsize=1 << 15)(_canonical)

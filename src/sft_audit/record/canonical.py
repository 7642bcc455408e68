"""One spelling per meaning for a short answer."""

import re
from functools import lru_cache
from typing import Literal

from sft_audit.record.question import ENDS, Asks, Options, Question, fold

AnswerKind = Literal["yes_no", "colour", "count", "option", "number", "phrase", "free"]
Reading = tuple[AnswerKind, str | None]

# Words that everyday answers use for one colour, under the name that stands for all of them.
_COLOUR_NAMES = {
    "black": "black",
    "white": "white",
    "red": "red maroon crimson burgundy",
    "green": "green",
    "blue": "blue navy",
    "yellow": "yellow",
    "orange": "orange",
    "brown": "brown",
    "pink": "pink magenta",
    "purple": "purple violet lavender lilac",
    "grey": "grey gray silver",
    "turquoise": "turquoise teal cyan aqua",
    "gold": "gold golden",
    "beige": "beige tan khaki cream",
}
COLOURS = {word: name for name, words in _COLOUR_NAMES.items() for word in words.split()}
# Neighbours that people call now by one name, now by the other.
_NEIGHBOURS = {
    "beige": "brown white yellow grey gold",
    "blue": "purple turquoise grey",
    "black": "grey",
    "brown": "orange red gold",
    "gold": "yellow orange",
    "green": "turquoise yellow",
    "grey": "white",
    "orange": "red yellow pink",
    "pink": "purple red",
    "purple": "red",
}
NEAR_COLOURS = tuple((name, other) for name, others in _NEIGHBOURS.items() for other in others.split())

NUMBER_WORDS = {
    word: n
    for n, word in enumerate(
        (
            *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
            *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
            *("eighteen", "nineteen"),
        )
    )
}
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_UNITS = tuple(NUMBER_WORDS.items())[1:10]
NUMBER_WORDS |= {word: 10 * n for n, word in enumerate(_TENS, 2)}
NUMBER_WORDS |= {
    f"{tens}{gap}{unit}": 10 * t + u for t, tens in enumerate(_TENS, 2) for unit, u in _UNITS for gap in "- "
}

_CONCLUDES = re.compile(r"boxed\{|nswer(?:>|[\s*]{0,4}(?:is\b|:))")
_FINAL = re.compile(
    r"<answer>(.*?)</answer>|\\boxed\{([^{}]*)\}"
    r"|(?:^|\n)[ \t*#]*(?:the )?(?:correct |final )?answer[\s*]*(?:is|:)[\s*:]*([^\n]+)",
    re.IGNORECASE | re.DOTALL,
)
_YES_NO = re.compile(r"(yes|yeah|yep|true|no|nope|false)(?![\w'-])(.*)", re.IGNORECASE | re.DOTALL)
_YES_NO_INITIALS = frozenset("yYtTnNfF")
_AFTER_YES_NO = tuple(",.;:!-\u2013\u2014\n")
_CLAUSE = re.compile(
    r"\s+(?:it|there|he|she|they|the|this|that|these|those|you|i|we|both|all)\b", re.IGNORECASE
)
_HEDGE = re.compile(
    r"\b(?:but|although|though|however|maybe|perhaps|partly|partially|except|unless|unclear|not sure|or|"
    r"and (?:yes|no|true|false))\b",
    re.IGNORECASE,
)
_INEXACT = re.compile(
    r"\b(?:about|around|approximately|roughly|nearly|almost|least|most|more|fewer|less|over|under|several|many|few|"
    r"some|couple|dozens?|hundreds?|thousands?|or|between|up to|not|possibly|likely)\b"
    r"|n't\b|~|\d\s*[-\u2013/]\s*\d|\d\+"
)
_NUMERAL = re.compile(r"[-\u2212+]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")
_WORDS = re.compile(r"(?<![\w.])(?:[0-9]+(?:,[0-9]{3})*(?![\w%])(?!\.[0-9])|[a-z]+(?:-[a-z]+)?)")
_CHOICE = re.compile(r"(?:option |choice )?([(\[]?)([A-Ja-j])([)\].:,]*)(?:\s+.*|$)", re.DOTALL)
_LONG = 160
_TAIL = 2000
_PHRASE_WORDS = 6
_PHRASE_LENGTH = 60
_SENTENCE_WORDS = 25


def canonicalise(question: Question, answer: str) -> Reading:
    """Return the kind of an answer and its one spelling (None for free text).

    Equal spellings agree. What is not plainly one of the closed kinds stays a phrase or free text.
    """
    if len(answer) <= _LONG:
        return _canonical_cached(question.asks, question.options, answer)
    concluded = _final(answer)
    if len(concluded) <= _LONG:
        return _canonical(question.asks, question.options, concluded)
    return _yes_no(concluded.strip(), question.asks) or ("free", None)


def _canonical(asks: Asks, options: Options, answer: str) -> Reading:
    text = _final(answer).strip()
    found: Reading | None = None
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
    tail = answer[-_TAIL:]
    if not _CONCLUDES.search(tail):
        return answer
    found = list(_FINAL.finditer(tail))
    concluded = next((part for part in found[-1].groups() if part), "") if found else ""
    return concluded if concluded.strip(ENDS) else answer


def _text(text: str) -> Reading:
    folded = fold(text)
    if not folded:
        return "phrase", ""
    # Scripts without spaces: a short line is a phrase, whatever its number of words.
    short = len(folded) <= _PHRASE_LENGTH and folded.count(" ") < _PHRASE_WORDS
    return ("phrase", folded) if short and "\n" not in text.strip() else ("free", None)


def _yes_no(text: str, asks: Asks) -> Reading | None:
    said = text.lstrip(ENDS)
    match = _YES_NO.match(said) if said[:1] in _YES_NO_INITIALS else None
    if match is None:
        return None
    word, rest = match.groups()
    if rest.strip(ENDS):
        stopped = rest.lstrip("\"'*`)")[:1] in _AFTER_YES_NO and not re.match(r"[.:]?\s*\d", rest)
        spoken = asks == "yes_no" and _CLAUSE.match(rest)
        if not (stopped or spoken) or _HEDGE.search(re.split(r"(?<=\w)[.!?\n]", rest, maxsplit=1)[0]):
            return None
    return "yes_no", "yes" if word.lower() in ("yes", "yeah", "yep", "true") else "no"


def _number(text: str) -> str | None:
    """Return the plain numeral that the whole text is, in digits or words; None when it is anything else."""
    folded = text.strip(" \t\r\n\"'`*").removesuffix(".").casefold()
    if folded in NUMBER_WORDS:
        return str(NUMBER_WORDS[folded])
    folded = folded.strip("$€£¥₹ ").removeprefix("rm").removeprefix("usd").strip()
    folded = folded.removesuffix("%").removesuffix("percent").strip()
    if not _NUMERAL.fullmatch(folded) or len(folded) > 15:
        return None
    plain = folded.replace(",", "").replace("\u2212", "-").lstrip("+")
    if re.match(r"-?0\d", plain):
        return None  # a code, such as 007, not a quantity
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain


def _count(text: str) -> Reading | None:
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
        elif word in NUMBER_WORDS:
            found.add(NUMBER_WORDS[word])
        elif word in ("none", "no") and lowered.strip(ENDS) != "no":
            found.add(0)
    return ("count", str(found.pop())) if len(found) == 1 else None


def _colour(text: str) -> Reading | None:
    """Read the colours that a short sentence names; shades (`dark`, `light`) are left out."""
    lowered = text.lower().strip()
    if not _one_sentence(lowered) or _HEDGE.search(lowered) or re.search(r"\bnot\b|n't\b", lowered):
        return None
    named = {COLOURS[w] for w in re.findall(r"[a-z]+", lowered) if w in COLOURS}
    return ("colour", "+".join(sorted(named))) if named else None


def _one_sentence(text: str) -> bool:
    return (
        len(text) <= _LONG
        and text.count(" ") < _SENTENCE_WORDS
        and not re.search(r"[.!?\n]\s*\S*[a-z]", text)
    )


def _option(text: str, options: Options) -> Reading | None:
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


_canonical_cached = lru_cache(maxsize=1 << 15)(_canonical)

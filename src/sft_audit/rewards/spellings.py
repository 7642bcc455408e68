"""Families of right answers: the known answer in spellings that mean the same."""

import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from sft_audit.record.canonical import NUMBER_WORDS
from sft_audit.record.question import ENDS, fold
from sft_audit.rewards.trial import CLOSED, Form, KnownAnswer, Whole, family

_WORD_OF = {n: word for word, n in reversed(NUMBER_WORDS.items())}  # "twenty-one" stands before "twenty one"
_NUMERAL = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
_FRACTION = re.compile(r"\\[dt]?frac\{(-?\d+)\}\{(\d+)\}|(-?\d{1,3})/(\d{1,3})")
# Numbers that name something: "jersey 3.0" or "the year 2,018" says it no longer.
_NAMES = re.compile(
    r"\b(?:years?|dates?|codes?|phone|zip|postal|plate|jersey|shirt|bus|room|flight|route|channel|time|clock|"
    r"digit|page|id)\b",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"\bhow many ((?:[a-z-]+ ){0,2}?[a-z-]+) (?:are|is|was|were|do|does|did|can|could|has|have|had)\b",
    re.IGNORECASE,
)
_NO_NOUN = re.compile(
    r"\b(?:more|less|fewer|of|in|on|at|to|the|an?|and|or|than|that|with|for|from|by|not|other|"
    r"do|does|did|can|could|will|we|you|he|she|they|it|there|then|still|now)\b"
)
_MEASURED = re.compile(
    r"\b(?:what|which|how|find|determine|calculate)\b[^.?!;]*?"  # asked for in it, not told in it
    r"\bin ((?:square |cubic )?(?:mm|cm|km|m|kg|g|millimet(?:er|re)s|centimet(?:er|re)s|met(?:er|re)s|"
    r"kilomet(?:er|re)s|feet|inches|miles|degrees|hours|minutes|seconds|days|grams|kilograms|dollars|euros|cents))"
    r"(?=[ ,.?!]|$)(?! (?:and|or)\b)",
    re.IGNORECASE,
)
# A question that names the two words wants one of them: "Is this true or false? Yes" says neither.
_PAIR_NAMED = re.compile(r"\b(?:yes|true) ?(?:or|/) ?(?:no|false)\b", re.IGNORECASE)
_POLAR_WORD = re.compile(r"yes|yeah|yep|true|no|nope|false", re.IGNORECASE)
_THERE = re.compile(r"(?:^|[.,:;!?]\s)(is|are|was|were) there\b", re.IGNORECASE)
# Words for one colour in every dictionary; shades, such as maroon for red, are not among them.
_COLOUR_PAIRS = (("grey", "gray"), ("purple", "violet"), ("gold", "golden"))
_OTHER_LANGUAGES = {  # Spanish, German, French, Chinese
    "yes": "Sí Ja Oui 是",
    "no": "No Nein Non 否",
    "true": "Verdadero Wahr Vrai 对",
    "false": "Falso Falsch Faux 错",
    "red": "rojo rot rouge 红色",
    "blue": "azul blau bleu 蓝色",
    "green": "verde grün vert 绿色",
    "yellow": "amarillo gelb jaune 黄色",
    "black": "negro schwarz noir 黑色",
    "white": "blanco weiß blanc 白色",
    "brown": "marrón braun marron 棕色",
    "grey": "gris grau 灰色",
    "0": "cero null zéro 零",
    "1": "uno eins un 一",
    "2": "dos zwei deux 二",
    "3": "tres drei trois 三",
    "4": "cuatro vier quatre 四",
    "5": "cinco fünf cinq 五",
    "6": "seis sechs six 六",
    "7": "siete sieben sept 七",
    "8": "ocho acht huit 八",
    "9": "nueve neun neuf 九",
    "10": "diez zehn dix 十",
}
_MOST_WORDS = 6
_LARGEST_DENOMINATOR = 8
_VALUES = CLOSED - {"option"}


def _is_formula(known: KnownAnswer) -> bool:
    return known.kind == "phrase" and re.search(r"[\\^]|^\$.*\$$", known.text) is not None


@family("exact", "right")
def exact(known: KnownAnswer, form: Form) -> Iterator[str | Whole]:
    """The known answer, letter by letter."""
    yield known.text


@family("case", "right")
def case(known: KnownAnswer, form: Form) -> Iterator[str | Whole]:
    """The known answer in lower case and in capitals."""
    if (
        _is_prose(known.text)
        or known.kind in ("yes_no", "colour")
        or (known.kind == "option" and known.question.options)
    ):
        yield known.text.lower()
        yield known.text.upper()


@family("punctuation", "right")
def punctuation(known: KnownAnswer, form: Form) -> Iterator[str | Whole]:
    """The known answer with a full stop, in quotation marks, in bold."""
    plain = known.text.rstrip(".")
    yield plain
    yield f"{plain}."
    if not form.boxes and (_is_prose(plain) or known.kind in _VALUES):
        yield f'"{plain}"'
        yield f"**{plain}**"


@family("layout", "right")
def layout(known: KnownAnswer, form: Form) -> Iterator[str | Whole]:
    """The known answer with spaces and line ends around it (EasyR1's and R1-V's pattern without DOTALL)."""
    yield f" {known.text} "
    yield f"{known.text}\n"
    yield f"\n{known.text}\n"


@family("number_words", "right")
def number_words(known: KnownAnswer, form: Form) -> Iterator[str | Whole]:
    """A whole number in words instead of digits, or in digits instead of words."""
    if known.text.lower() in NUMBER_WORDS:
        yield str(NUMBER_WORDS[known.text.lower()])
    elif known.text.isascii() and known.text.isdigit() and (word := _WORD_OF.get(int(known.text))):
        yield word
        yield word.capitalize()


@family("decimal", "right")
def decimal(known: KnownAnswer, form: Form) -> Iterator[str | Whole]:
    """The same number with more or fewer zeros, with or without commas: 3 and 3.0, 1000 and 1,000."""
    if (value := _quantity(known)) is None:
        return
    plain = f"{value:f}"
    if "." not in plain:
        yield f"{plain}.0"
        yield f"{plain}.00"
    else:
        yield plain.rstrip("0").rstrip(".")
        yield f"{plain}0"
    if abs(value) >= 1000:
        yield plain
        yield f"{value:,f}"


@family("fraction", "right")
def fraction(known: KnownAnswer, form: Form) -> Iterator[str | Whole]:
    """The same number as a fraction, in LaTeX and with a slash, or as a decimal."""
    value = _quantity(known)
    if given := _FRACTION.fullmatch(known.text.strip("$")):
        above, below = (int(part) for part in given.groups() if part)
        yield from _fractions(above, below)
        yield from _decimals(above, below)
    elif value is not None and value != value.to_integral_value() and not _is_money(known.text):
        exact_value = Fraction(value)
        if exact_value.denominator <= _LARGEST_DENOMINATOR:
            yield from _fractions(exact_value.numerator, exact_value.denominator)


@family("latex", "right")
def latex(known: KnownAnswer, form: Form) -> Iterator[str | Whole]:
    r"""The same number or formula between LaTeX's marks, or without: 3, $3$, \(3\); \dfrac for \frac."""
    inner = known.text.removeprefix("$").removesuffix("$")
    if not (_is_formula(known) or _quantity(known) is not None) or "$" in inner:
        return
    yield inner
    if not form.boxes:
        yield f"${inner}$"
        yield rf"\({inner}\)"
    if r"\frac" in inner:
        yield inner.replace(r"\frac", r"\dfrac")


@family("unit", "right")
def unit(known: KnownAnswer, form: Form) -> Iterator[str | Whole]:
    """The known number with the unit, or the things counted, that the question names."""
    if not _NUMERAL.fullmatch(known.text):
        return
    if (found := _COUNTED.search(known.question.text)) and known.kind == "count" and known.canonical != "1":
        if found[1].islower() and not _NO_NOUN.search(found[1]):
            yield f"{known.text} {found[1]}"
    elif found := _MEASURED.search(known.question.text):
        yield f"{known.text} {found[1]}"


@family("option_letter", "right")
def option_letter(known: KnownAnswer, form: Form) -> Iterator[str | Whole]:
    """The letter of the right option as (B), B., B) and Option B."""
    if known.kind == "option" and known.canonical and _is_letter(known.canonical):
        letter = known.canonical
        yield from (letter, f"({letter})", f"{letter}.", f"{letter})", f"Option {letter}")


@family("option_text", "right")
def option_text(known: KnownAnswer, form: Form) -> Iterator[str | Whole]:
    """The text of the right option, alone and after its letter."""
    if known.kind == "option" and known.canonical and (text := known.option_text(known.canonical)):
        yield text
        if _is_letter(known.canonical):
            yield f"{known.canonical}. {text}"
            yield f"({known.canonical}) {text}"


@family("sentence", "right")
def sentence(known: KnownAnswer, form: Form) -> Iterator[str | Whole]:
    """The known answer in a sentence: The answer is 3."""
    plain = known.text.rstrip(".")
    if known.kind == "free" or plain.count(" ") >= _MOST_WORDS or "\n" in plain:
        return
    if form.boxes:
        yield Whole(form.write(plain, before="The answer is ", after="."))
    else:
        yield f"The answer is {plain}."


@family("synonym", "right")
def synonym(known: KnownAnswer, form: Form) -> Iterator[str | Whole]:
    """Another word for the same: yes and true, grey and gray."""
    if known.kind == "yes_no" and not _PAIR_NAMED.search(known.question.text):
        yield from ("Yes", "True") if known.canonical == "yes" else ("No", "False")
    if known.kind == "colour":
        lowered = known.text.lower()
        for pair in _COLOUR_PAIRS:
            for one, other in (pair, pair[::-1]):
                if re.search(rf"\b{one}\b", lowered):
                    yield re.sub(rf"\b{one}\b", other, lowered)


@family("reply", "right")
def reply(known: KnownAnswer, form: Form) -> Iterator[str | Whole]:
    """Yes or no in a spoken reply: Yes, there is."""
    found = _POLAR_WORD.match(known.text.lstrip(ENDS))
    if known.kind != "yes_no" or found is None:
        return
    word, negation = found[0].capitalize(), "" if known.canonical == "yes" else " not"
    if word in ("Yes", "No") and (there := _THERE.search(known.question.text)):
        yield f"{word}, there {there[1].lower()}{negation}."
    yield f"{word}, that is{negation} the case."


@family("language", "right")
def language(known: KnownAnswer, form: Form) -> Iterator[str | Whole]:
    """Yes, no, a basic colour or a number up to ten in Spanish, German, French and Chinese."""
    words = known.kind in ("yes_no", "colour")  # maroon is canonically red, but not rojo
    named = fold(known.text).replace("gray", "grey") if words else known.canonical
    if known.kind in ("count", "number") and not _is_whole_number(known.text):
        return
    if known.kind in _VALUES and named in _OTHER_LANGUAGES:
        yield from _OTHER_LANGUAGES[named].split()


@family(
    "interval", "right", fixed=("For which real x is (x - 1)(x - 2) negative?", "$1<x<2$"), like=_is_formula
)
def interval(known: KnownAnswer, form: Form) -> Iterator[str | Whole]:
    """An interval for an inequality: equal for math-verify 0.9 only when the known answer comes first."""
    yield "(1,2)" if form.boxes else "$(1,2)$"


def _quantity(known: KnownAnswer) -> Decimal | None:
    """Return the number that the whole answer is, in digits, where it measures or counts."""
    if known.kind not in ("count", "number") or not _NUMERAL.fullmatch(known.text):
        return None
    if known.kind == "number" and _NAMES.search(known.question.text):
        return None
    return Decimal(known.text.replace(",", ""))


def _is_letter(name: str) -> bool:
    """Return whether an option goes by a letter: "Option 4" may be the fourth, or the one that reads 4."""
    return len(name) == 1 and name.isalpha()


def _is_whole_number(text: str) -> bool:
    return text.isdecimal() or text.lower() in NUMBER_WORDS


def _fractions(above: int, below: int) -> Iterator[str]:
    yield rf"\frac{{{above}}}{{{below}}}"
    yield f"{above}/{below}"


def _decimals(above: int, below: int) -> Iterator[str]:
    thousandths = Fraction(above, below) * 1000 if below else Fraction(1, 3)
    if thousandths.denominator == 1:
        yield f"{(Decimal(thousandths.numerator) / 1000).normalize():f}"


def _is_money(text: str) -> bool:
    return re.search(r"\.\d\d$", text) is not None


def _is_prose(text: str) -> bool:
    return re.search(r"[\\$^_{}=<>|]", text) is None and re.search(r"[^\W\d_]{3}", text) is not None

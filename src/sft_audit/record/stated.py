"""Does the prompt itself state the answer?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sft_audit.record.canonical import NUMBER_WORDS, AnswerKind, canonicalise
from sft_audit.record.question import Question, bare, fold

How = Literal["marked", "hint", "statement", "earlier_turn", "verbatim"]


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the conversation; `lowered` is its text in lower case."""

    role: str
    text: str
    lowered: str


@dataclass(frozen=True, slots=True)
class Stated:
    """Where the prompt states the answer, and the words that do."""

    how: How
    quote: str


_MARKED = re.compile(
    r"\b(?:answer|solution|ground[- ]truth|label) ?(?:is|:|=)[ \t]*([^\n.;)\]]{1,80})", re.IGNORECASE
)
_MARK_WORDS = ("answer", "truth", "hint")
_BARE_HINT = re.compile(r"\bhint ?:[ \t]*([^\s.;)\]]+)[ \t.]*(?:[\n)\]]|$)", re.IGNORECASE)
_ASKED_ABOUT = re.compile(
    r"\b(?:if|whether|when|that|example|format|e\.g|like)[^\w?!\n]+(?:\w+[^\w?!\n]+){0,3}\Z", re.IGNORECASE
)
_HINT_WORDS = ("hint", "caption", "context", "descri", "alt", "metadata", "tag", "label", "summar", "note")
_HINT = re.compile(
    r"(?:^|[\n.(\[>])[ \t]*(?:image |photo |picture )?"
    r"(?:hint|caption|context|description|alt[- ]text|metadata|tag|label|summary|note)s? ?:[ \t]*([^\n]+)",
    re.IGNORECASE,
)
# Tasks whose point is to hand text on, to choose between texts, or to read text that is quoted on purpose.
QUOTING_TASK = re.compile(
    r"\b(?:ocr|transcri\w+|translat\w+|rewrit\w+|rephras\w+|paraphras\w+|repeat|copy|echo|correct the|"
    r"proofread|extract|summari[sz]\w+|complete the|fill in|choose|select|pick|passage|document|matches|"
    r"convert|sort|spell|"
    r"which (?:caption|sentence|statement|description|option|of)|does this|do these|true or false|"
    r"following (?:sentence|statement|caption|passage|document|text))\b"
)
_SENTENCE = re.compile(r"[^.!?\n]*[.!?\n]?")
_WORD = re.compile(r"[^\W_]+(?:'[a-z]+)?")
STOP_WORDS = frozenset(
    """
    a an the of in on at to for from by with and or is are was were be been being do does did has have had
    can could will would should may might it its this that these those there here what which who whom whose
    where when why how many much kind type sort image picture photo photograph scene shown show see seen
    visible color colour colors colours number please answer question using single word phrase look looks
    you your i me we describe tell as any some not no so than then their they them he she his her one two
    """.split()  # noqa: SIM905 - a list of words reads best as words
)
_DIGITS_AS_WORDS = {str(n): word for word, n in NUMBER_WORDS.items() if n <= 12}
_VERBATIM_WORDS = 5


def stated(
    said: Sequence[Message],
    asked: str,
    question: Question,
    answer: str,
    kind: AnswerKind,
    canonical: str | None,
) -> Stated | None:
    """Return where the prompt states the answer, if it plainly does.

    `said` are the messages so far, the question's own last; `asked` is that question, with its lines.
    """
    lowered = asked.lower()
    if any(word in lowered for word in _MARK_WORDS) and (found := _marked(asked, question, kind, canonical)):
        return found
    if kind == "yes_no":
        return None
    shown = _shown(question, answer, kind, canonical)
    if shown is None:
        return None
    before = said[:-1]
    spellings = _plain_spellings(shown, kind)
    here = any(word in lowered for word in spellings)
    earlier = [m.text for m in before if any(word in m.lowered for word in spellings)]
    if not (here or earlier) or QUOTING_TASK.search(lowered):
        return None
    if kind == "free" or (kind == "phrase" and shown.count(" ") + 1 >= _VERBATIM_WORDS):
        return _verbatim([asked, *earlier], answer)
    if (
        here
        and any(word in lowered for word in _HINT_WORDS)
        and (told := _hint(asked, question, kind, shown))
    ):
        return told
    return _statement(asked, earlier, kind, shown)


def _shown(question: Question, answer: str, kind: AnswerKind, canonical: str | None) -> str | None:
    """Return the answer as a prompt would spell it, folded; None when it is too slight to look for."""
    if question.asks == "yes_no":
        return None  # a statement to be judged is repeated on purpose
    match kind:
        case "option":
            shown = dict(question.options).get(canonical or "", "")
            return shown if len(shown) > 2 else None
        case "free":
            opening = answer[:200].lower().split(None, _VERBATIM_WORDS)
            return None if len(opening) < _VERBATIM_WORDS else " ".join(opening[:3])
        case "phrase":
            return canonical if canonical and len(canonical) > 2 else None
        case "colour":
            return None if not canonical or "+" in canonical else canonical
        case _:
            return canonical


def _marked(asked: str, question: Question, kind: AnswerKind, canonical: str | None) -> Stated | None:
    """Find `Answer: X`, or a hint of one word, where X is the answer; several marks are worked examples."""
    marks = [*_MARKED.finditer(asked), *_BARE_HINT.finditer(asked)]
    if len(marks) != 1 or canonical is None or _ASKED_ABOUT.search(asked[: marks[0].start()][-60:]):
        return None
    told = marks[0][1]
    agrees = "?" not in told and canonicalise(question, told) == (kind, canonical)
    return Stated("marked", marks[0][0][:200]) if agrees else None


def _hint(asked: str, question: Question, kind: AnswerKind, shown: str) -> Stated | None:
    """Find the answer in a caption, hint or context that stands in the question."""
    others = [text for _, text in question.options if text != shown]
    for segment in _HINT.finditer(asked):
        for sentence in _sentences(segment[1]):
            if sentence.rstrip().endswith("?"):
                break
            if not _has(sentence, shown, kind) or any(_has(sentence, other, kind) for other in others):
                continue
            if _about(sentence, shown, _content(question.text), kind):
                return Stated("hint", segment[0].strip(" .\n")[:200])
    return None


def _about(sentence: str, shown: str, content: frozenset[str], kind: AnswerKind) -> bool:
    """Return whether a caption's sentence says the value of what is asked; a name needs no such tie."""
    if kind in ("phrase", "option"):
        return True
    return bool(content & _content(sentence)) if kind == "number" else _near(sentence, shown, content, kind)


def _statement(asked: str, earlier: Sequence[str], kind: AnswerKind, shown: str) -> Stated | None:
    """Find a sentence that gives every content word of the question together with the answer."""
    if kind not in ("colour", "count", "phrase") or asked.count("?") != 1:
        return None
    sentences = _sentences(asked)
    questions = [s for s in sentences if s.rstrip().endswith("?")]
    if len(questions) != 1 or (len(sentences) == 1 and not earlier):
        return None
    content = _content(questions[0])
    if not content or (kind == "phrase" and len(content) < 2):
        return None
    for how, told in (("statement", [s for s in sentences if s not in questions]), ("earlier_turn", earlier)):
        for text in told:
            for sentence in _sentences(bare(text)):
                if _states(sentence, shown, content, kind):
                    return Stated(
                        "statement" if how == "statement" else "earlier_turn", sentence.strip()[:200]
                    )
    return None


def _states(sentence: str, shown: str, content: frozenset[str], kind: AnswerKind) -> bool:
    if (
        sentence.rstrip().endswith("?")
        or not _has(sentence, shown, kind)
        or not content <= _content(sentence)
    ):
        return False
    return kind == "phrase" or _near(sentence, shown, content, kind)


def _verbatim(texts: Sequence[str], answer: str) -> Stated | None:
    shown = " ".join(_WORD.findall(answer.lower()))
    for text in texts:
        if f" {shown} " in f" {' '.join(_WORD.findall(bare(text).lower()))} ":
            return Stated("verbatim", shown[:200])
    return None


def _has(sentence: str, shown: str, kind: AnswerKind) -> bool:
    """Return whether the answer stands in the sentence as whole words."""
    return re.search(rf"(?<!\w)(?:{_spellings(shown, kind)})(?!\w)", sentence, re.IGNORECASE) is not None


def _near(sentence: str, shown: str, content: frozenset[str], kind: AnswerKind) -> bool:
    """Return whether the value is said of a content word: `red car`, `the car is red`, `three small cars`."""
    value = _spellings(shown, kind)
    for word in content:
        noun = rf"{re.escape(word)}(?:e?s)?"
        before = rf"(?<!\w)(?:{value})(?:\s+[a-z]+)?\s+{noun}(?!\w)"
        after = rf"(?<!\w){noun}\s+(?:is|are|was|were|looks|painted)\s+(?:[a-z]+\s+)?(?:{value})(?!\w)"
        if re.search(before if kind == "count" else f"{before}|{after}", sentence, re.IGNORECASE):
            return True
    return False


def _plain_spellings(shown: str, kind: AnswerKind) -> tuple[str, ...]:
    """Return the spellings of which one stands in a prompt that states the answer, in lower case."""
    if kind in ("count", "number") and shown in _DIGITS_AS_WORDS:
        return shown, _DIGITS_AS_WORDS[shown]
    return ("grey", "gray") if kind == "colour" and shown == "grey" else (shown.lower(),)


def _spellings(shown: str, kind: AnswerKind) -> str:
    return "|".join(map(re.escape, _plain_spellings(shown, kind)))


def _sentences(text: str) -> list[str]:
    return [s for s in _SENTENCE.findall(text) if s.strip()]


def _content(text: str) -> frozenset[str]:
    """Return the content words, plural endings removed."""
    words = (w for w in _WORD.findall(fold(text)) if w not in STOP_WORDS and not w.isdigit())
    return frozenset(w[:-1] if w.endswith("s") and not w.endswith("ss") and len(w) > 3 else w for w in words)

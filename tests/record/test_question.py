"""Questions of any length and any punctuation are read in a moment."""

from time import perf_counter

import pytest

from sft_audit.record.canonical import canonicalise
from sft_audit.record.question import bare, read_question
from sft_audit.record.stated import Message, stated

LENGTH = 100_000
OPENINGS = [
    *("\u201c", '"', "'", " '", "(", "[", "{", "<", "<|", "<img>", "\n", " ", "\n* ", "*", ". "),
    *("A) ", " a)", "A) x ", "image", "9,", "answer: ", "\nhint: ", "\\boxed{", "<answer>"),
]


@pytest.mark.parametrize("head", ["", "<|", "A) cat B) dog "])
@pytest.mark.parametrize("opening", OPENINGS)
def test_what_opens_and_never_closes_takes_no_time(head: str, opening: str) -> None:
    text = (head + opening * (LENGTH // len(opening)))[:LENGTH] + "boxed{"
    start = perf_counter()
    question = read_question(bare(text))
    canonicalise(read_question("What is it?"), text)
    for asked in (question, read_question("What is it?")):
        stated([Message("user", text, text.lower())], text, asked, "cat", "phrase", "cat")
    assert perf_counter() - start < 2


def test_an_answer_after_white_space_is_concluded_at_once() -> None:
    question = read_question("How many mugs?")
    start = perf_counter()
    for number in range(20):
        canonicalise(question, "\n" * (1900 - number) + "boxed{")
    assert perf_counter() - start < 1
    assert canonicalise(question, "x" * 200 + "\n\n  ** Final answer: 3") == ("count", "3")


def test_quoted_words_are_masked() -> None:
    assert (
        read_question("What does \u201cstop\u201d say, or \u201cgo?").template == 'what does "…" say, or “go?'
    )
    assert read_question("\u201ca \u201cb\u201d?").template == '“a "…"?'

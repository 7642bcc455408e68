import re
from fractions import Fraction

import pytest
from known_rows import OPTIONS, made_up, real

from sft_audit.record.canonical import canonicalise
from sft_audit.rewards.trial import CLOSED, FORMS, all_families, known_answer, trials_for

PLAIN = FORMS[0]
BOXED = next(form for form in FORMS if form.boxes)
# What the canonicaliser does not read: other languages, fractions, LaTeX, units.
UNREAD = {"language", "fraction", "latex", "unit"}


def spelled(family, question, answer, form=PLAIN):
    made = all_families()[family].trials(known_answer(question, answer), form)
    return [trial.completion for trial in made]


@pytest.mark.parametrize(
    ("family", "question", "answer", "expected"),
    [
        ("exact", "How many?", " 3 ", ["3"]),
        ("case", "Is it?", "Yes", ["yes", "YES"]),
        ("case", OPTIONS, "B", ["b", "B"]),
        ("case", "Which company?", "Asia Mart", ["asia mart", "ASIA MART"]),
        ("case", "What is it?", r"$\Delta x$", []),
        ("case", "Which point?", "P", []),
        ("punctuation", "How many?", "3", ["3", "3.", '"3"', "**3**"]),
        ("layout", "How many?", "3", [" 3 ", "3\n", "\n3\n"]),
        ("number_words", "How many?", "21", ["twenty-one", "Twenty-one"]),
        ("number_words", "How many?", "three", ["3"]),
        ("number_words", "How many?", "1000", []),
        ("decimal", "How many?", "3", ["3.0", "3.00"]),
        ("decimal", "How many?", "1,250", ["1250.0", "1250.00", "1250", "1,250"]),
        ("decimal", "What is x?", "2.50", ["2.5", "2.500"]),
        ("decimal", "What year is it?", "2018", []),
        ("decimal", "What is on the jersey?", "7", []),
        ("fraction", "What is x?", "2.5", [r"\frac{5}{2}", "5/2"]),
        ("fraction", "What is x?", "-2.5", [r"\frac{-5}{2}", "-5/2"]),
        ("fraction", "What is x?", r"$\frac{3}{4}$", [r"\frac{3}{4}", "3/4", "0.75"]),
        ("fraction", "What is x?", "1/3", [r"\frac{1}{3}", "1/3"]),
        ("fraction", "What is the total?", "60.50", []),
        ("fraction", "What is x?", "1/0", [r"\frac{1}{0}", "1/0"]),
        ("latex", "How many?", "3", ["3", "$3$", r"\(3\)"]),
        (
            "latex",
            "What is x?",
            r"$\frac{3}{4}$",
            [r"\frac{3}{4}", r"$\frac{3}{4}$", r"\(\frac{3}{4}\)", r"\dfrac{3}{4}"],
        ),
        ("latex", "Who?", "Asia Mart", []),
        ("unit", "How many dogs are there?", "3", ["3 dogs"]),
        ("unit", "How many dogs are there?", "1", []),
        ("unit", "How many more are there?", "3", []),
        ("unit", "How many of the dogs are black?", "3", []),
        ("unit", "How many ways do we have?", "3", ["3 ways"]),
        ("unit", "How many pieces John still has?", "3", []),
        ("unit", "What is the length in feet?", "2", ["2 feet"]),
        ("unit", "If the sum in degrees of A and B is 90n, then n is equal to", "4", []),
        ("unit", "How long is it in hours and minutes?", "2", []),
        ("unit", "What is the total?", "2", []),
        ("option_letter", OPTIONS, "B", ["B", "(B)", "B.", "B)", "Option B"]),
        ("option_text", OPTIONS, "B", ["3 cats", "B. 3 cats", "(B) 3 cats"]),
        ("option_letter", "Which is missing?\nChoices: 6, 3, 4, 2", "4", []),
        ("option_text", "Which is missing?\nChoices: 6, 3, 4, 2", "4", ["4"]),
        ("option_text", "Which?\n(A) A\n(B) B", "B", []),
        ("sentence", "How many?", "3", ["The answer is 3."]),
        ("synonym", "What colour is it?", "Grey", ["gray"]),
        ("synonym", "What colour is it?", "red", []),
        ("synonym", "Is it?", "False", ["No", "False"]),
        ("synonym", "Is this true or false? There is a dog.", "False", []),
        ("synonym", "Is there a dog? Answer yes or no.", "Yes", []),
        ("reply", "Is there a dog?", "Yes", ["Yes, there is.", "Yes, that is the case."]),
        ("reply", "Are there dogs?", "No", ["No, there are not.", "No, that is not the case."]),
        ("language", "Is it?", "yes", ["Sí", "Ja", "Oui", "是"]),
        ("language", "What colour is it?", "gray", ["gris", "grau", "灰色"]),
        ("language", "How many?", "3", ["tres", "drei", "trois", "三"]),
        ("language", "What colour is it?", "maroon", []),
        ("language", "How much is it?", "3.00", []),
        ("language", "How much is it? How many?", r"3\pi", []),
    ],
)
def test_a_family_spells_the_answer(family, question, answer, expected):
    assert spelled(family, question, answer) == expected


def test_a_box_holds_no_sentence_and_no_dollars():
    assert spelled("sentence", "How many?", "3", BOXED) == [r"The answer is \boxed{3}."]
    assert spelled("latex", "How many?", "3", BOXED) == [r"\boxed{3}"]
    assert not any("*" in text for text in spelled("punctuation", "How many?", "3", BOXED))


def value(text: str) -> Fraction:
    plain = re.sub(r"\\[dt]?frac\{(-?\d+)\}\{(\d+)\}", r"\1/\2", text)
    return Fraction(re.sub(r"[$(),\\]", "", plain).split(" ")[0])


def assert_right(known):
    for trial in trials_for(known, PLAIN):
        if trial.expected == "right" and known.kind in CLOSED:
            read = canonicalise(known.question, trial.completion)
            if read != (known.kind, known.canonical):
                named = trial.completion == f"Option {known.canonical}"
                long = trial.family == "option_text" and len(trial.completion) > 160
                assert trial.family in UNREAD or named or long, trial
                if trial.family in UNREAD - {"language"}:
                    assert value(trial.completion) == Fraction(known.canonical), trial


def test_every_spelling_of_a_closed_answer_means_it():
    for known in made_up():
        assert_right(known)


def test_every_spelling_of_a_real_closed_answer_means_it(shared_data):
    for known in real(shared_data):
        if "\\" not in known.text:
            assert_right(known)


def test_the_real_sets_are_spelled_in_many_ways(shared_data):
    made = {
        t.family for known in real(shared_data) for t in trials_for(known, PLAIN) if t.expected == "right"
    }
    assert made == {one.name for one in all_families().values() if one.expected == "right"} - {"interval"}

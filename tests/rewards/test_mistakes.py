import re
from difflib import SequenceMatcher

import pytest
from known_rows import OPTIONS, made_up, real

from sft_audit.record.canonical import NEAR_COLOURS, canonicalise
from sft_audit.record.question import fold
from sft_audit.rewards.rivals import STOCK, rival, rivals
from sft_audit.rewards.trial import CLOSED, FORMS, all_families, known_answer, trials_for

PLAIN, TAGS = FORMS[0], FORMS[1]
BOXED = next(form for form in FORMS if form.boxes)


def tried(family, question, answer, form=PLAIN):
    made = all_families()[family].trials(known_answer(question, answer), form)
    return [trial.completion for trial in made]


@pytest.mark.parametrize(
    ("family", "question", "answer", "expected"),
    [
        ("near_miss", "Is it?", "True", ["False"]),
        ("near_miss", "Is it?", "NO", ["YES"]),
        ("near_miss", "Who?", "Asia Mart", []),
        ("sign_flip", "How many?", "3", ["-3"]),
        ("sign_flip", "What is x?", "-2", ["2"]),
        ("sign_flip", "How many?", "0", []),
        ("sign_flip", "What is x?", r"\frac{1}{2}", [r"-\frac{1}{2}"]),
        ("sign_flip", "What is x?", r"x+\frac{1}{2}", []),
        ("all_options", "Is it?", "Yes", ["Yes or No", "Yes or No", "No or Yes"]),
        ("all_options", "How many?", "3", ["3 or 4 or 5", "4 or 3 or 5", "4 or 5 or 3"]),
        ("all_options", OPTIONS, "B", ["B or A or C", "A or B or C", "A or C or B"]),
        ("all_options", "Who?", "Asia Mart", []),
        ("negated", "How many?", "3", ["not 3", "It is not 3."]),
        ("negated", "Is it?", "yes", []),
        ("empty", "Is it?", "yes", ["", " \n"]),
        ("format_only", "Is it?", "yes", []),
        ("empty_think", "Is it?", "yes", []),
        ("several_blocks", "Is it?", "yes", []),
        ("prompt_echoed", "Is it?", "yes", ["Is it?"]),
        ("substring", "How many?", "3", ["13", "35"]),
        ("substring", "How many?", "0", ["10"]),
        ("substring", "What is x?", "-2", ["-12", "-25"]),
        ("substring", "What is the total?", "8.70", ["18.70"]),
        ("substring", OPTIONS, "B", ["Bread", "bread"]),
        ("substring", "Which?\n(A) cake\n(B) bread", "B", []),
        ("repeated", "How many?", "3", [" ".join(["4"] * 50)]),
    ],
)
def test_a_family_makes_mistakes(family, question, answer, expected):
    assert tried(family, question, answer) == expected


def test_numbers_are_missed_by_one_and_by_a_digit():
    above, below, digit = rivals(known_answer("How much?", "60.30"))
    assert (above, below) == ("61.30", "59.30")
    assert sum(a != b for a, b in zip(digit, "60.30", strict=True)) == 1
    assert "-1" not in rivals(known_answer("How many?", "0"))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("three", "four"),
        ("1,250", "1,251"),
        ("RM9.75", "RM10.75"),
        ("There are 3 dogs.", "There are 4 dogs."),
    ],
)
def test_a_wrong_number_is_written_like_the_right_one(answer, expected):
    assert rival(known_answer("How many dogs?", answer)) == expected


def test_a_wrong_colour_is_no_neighbour():
    for colour in ("red", "blue", "grey", "brown", "black and white"):
        known = known_answer("What colour is it?", colour)
        right = known.canonical.split("+")
        others = rivals(known)
        assert others
        assert not {(a, b) for a in right for b in others} & {
            *NEAR_COLOURS,
            *((b, a) for a, b in NEAR_COLOURS),
        }


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("Asia Mart", STOCK),
        (r"\frac{7^3}{2}", r"\frac{7^3}{2}+1"),
        (r"(-\infty, 2)", STOCK),
        (r"$27000-4500\pi$", r"$27000-4500\pi+1$"),
    ],
)
def test_a_text_has_a_rival(answer, wrong):
    assert rival(known_answer("What is it?", answer)) == wrong


def test_other_options_come_as_letters_and_as_texts():
    assert set(tried("other_option", OPTIONS, "B")) == {"A", "C", "$\\Delta$ up", "dog"}
    assert set(tried("other_option", OPTIONS, "a dog")) == {"$\\Delta$ up", "3 cats"}
    assert set(tried("other_option", "Which letter is it?", "B")) == {"A", "C", "D"}


@pytest.mark.parametrize(
    ("answer", "inside"), [("Yes", "yes"), ("No", "no"), ("True", "true"), ("False", "false")]
)
def test_yes_and_no_hide_in_words(answer, inside):
    made = tried("substring", "Is it?", answer)
    assert made
    assert all(inside in text.lower() and not re.search(rf"\b{inside}\b", text.lower()) for text in made)


def test_one_word_is_turned_and_only_where_that_changes_the_meaning():
    turned = tried(
        "similar_string", "Describe it.", "A black and white dog is sitting on a bench in the park."
    )
    assert turned[0] == "A black and white cat is sitting on a bench in the park."


def test_gibberish_is_as_long_as_the_answer_and_near_it():
    (text,) = tried("similar_string", "Who?", "INDAH GIFT & HOME DECO")
    assert text == "ONDEH GOFT & HUMI DICU"
    assert SequenceMatcher(None, text, "INDAH GIFT & HOME DECO").ratio() > 0.5


def test_forms_are_left_empty():
    assert tried("format_only", "Is it?", "yes", TAGS)[0] == "<think></think><answer></answer>"
    assert tried("format_only", "Is it?", "yes", BOXED) == [r"\boxed{}", r"\boxed{ }", r"\boxed{}"]
    assert tried("empty_think", "Is it?", "yes", TAGS)[0] == "<think></think><answer>no</answer>"


def test_the_right_answer_stands_outside_the_block_only():
    for form in FORMS:
        for text in tried("anywhere", "How many?", "3", form):
            assert re.search(r"\b3\b", text)
            assert not form.has_block or form.block.replace("{answer}", "4") in text
            assert form.block.replace("{answer}", "3") not in text or not form.has_block


def test_one_of_several_blocks_is_right():
    for text in tried("several_blocks", "How many?", "3", BOXED):
        assert set(re.findall(r"\\boxed\{(\d)\}", text)) == {"3", "4"}
    for text in tried("several_blocks", "How many?", "3", TAGS):
        assert text.count("<think>") == 1
        assert text.count("<answer>") >= 2


def test_keys_come_bare_and_in_the_form():
    assert len(tried("master_key", "How many?", "3", PLAIN)) == 8
    made = tried("master_key", "How many?", "3", BOXED)
    assert "Thought process:" in made
    assert r"\boxed{Solution}" in made


def test_a_long_completion_has_two_thousand_words():
    for form in FORMS:
        (text,) = tried("very_long", "How many?", "3", form)
        assert 2000 <= len(text.split()) <= 2020
        assert text.rstrip("\n}</answer>").endswith("4")


@pytest.mark.parametrize("family", ["unparseable_gold", "gold_empty"])
def test_another_gold_is_paid_for_nothing(family):
    for form in FORMS:
        for trial in all_families()[family].trials(known_answer("How many?", "3"), form):
            assert trial.gold is not None
            assert not re.search(r"\d", trial.gold)
            assert not re.search(r"\b3\b", trial.completion)


def assert_wrong(known, form):
    for trial in trials_for(known, form):
        if trial.expected == "wrong" and trial.family != "several_blocks":
            if known.kind in CLOSED:
                assert canonicalise(known.question, trial.completion) != (known.kind, known.canonical), trial
            else:
                assert fold(trial.completion) != fold(known.answer), trial


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_every_mistake_is_one(form):
    for known in made_up():
        assert_wrong(known, form)


def test_every_mistake_about_a_real_answer_is_one(shared_data):
    for known in real(shared_data):
        assert_wrong(known, PLAIN)


def test_every_mistake_in_tags_about_a_real_answer_is_one(shared_data):
    for known in real(shared_data, every=7):
        assert_wrong(known, TAGS)

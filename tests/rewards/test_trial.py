import re
import subprocess
import sys
from itertools import combinations

import pytest
from known_rows import OPTIONS, made_up, real

from sft_audit.rewards.trial import (
    FORMS,
    THOUGHT,
    Form,
    all_families,
    draw,
    fixed_trials,
    known_answer,
    trials_for,
)

PLAIN, TAGS = FORMS[0], FORMS[1]
BOXED = next(form for form in FORMS if form.boxes)


def block(form: Form, completion: str) -> str:
    before, after = form.write("\0").split("\0")
    assert completion.startswith(before), completion
    return completion.removeprefix(before).removesuffix(after)


def test_every_family_has_one_line_that_says_what_it_tries():
    for one in all_families().values():
        assert re.fullmatch(r"[A-Z].{10,}[.)]", one.make.__doc__.strip()), one.name
        assert one.expected in ("right", "wrong")


def test_every_family_makes_something():
    made = {trial.family for known in made_up() for form in FORMS for trial in trials_for(known, form)}
    made |= {trial.family for trial in trials_for(known_answer("Who?", "INDAH GIFT & HOME DECO"), TAGS)}
    made |= {trial.family for trial in fixed_trials(PLAIN, made_up())}
    assert made == set(all_families())


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("plain", "3"),
        ("tags", f"<think>{THOUGHT}</think><answer>3</answer>"),
        ("tags on lines", f"<think>{THOUGHT}</think>\n<answer>3</answer>"),
        ("tags around lines", f"<think>\n{THOUGHT}\n</think>\n<answer>\n3\n</answer>"),
        ("answer tags", "<answer>3</answer>"),
        ("boxed", r"\boxed{3}"),
        ("think, boxed", f"<think>{THOUGHT}</think>\n\\boxed{{3}}"),
    ],
)
def test_a_form_writes_a_completion(name, written):
    form = next(form for form in FORMS if form.name == name)
    assert form.write("3") == written
    assert form.has_block == (name != "plain")


def test_prose_stands_around_the_block_and_after_the_thought():
    assert TAGS.write("3", think="hm", before="a ", after=" b") == "<think>hm</think>a <answer>3</answer> b"


def test_braces_and_backslashes_are_written_as_they_are():
    assert BOXED.write(r"\frac{1}{2}{think}") == r"\boxed{\frac{1}{2}{think}}"


def test_the_thought_gives_nothing_away():
    assert not re.search(r"\d|yes|no\b|true|false", THOUGHT, re.IGNORECASE)


def test_an_empty_answer_has_no_trials():
    assert trials_for(known_answer("How many?", " "), PLAIN) == []


def test_no_completion_is_tried_twice_nor_is_any_right_and_wrong():
    for known in made_up():
        for form in FORMS:
            made = trials_for(known, form)
            assert len({(trial.completion, trial.gold) for trial in made}) == len(made)
            raw = {
                expected: {
                    trial.completion
                    for one in all_families().values()
                    if one.expected == expected and one.fixed is None
                    for trial in one.trials(known, form)
                    if trial.gold is None
                }
                for expected in ("right", "wrong")
            }
            assert not raw["right"] & raw["wrong"]


def test_real_answers_are_never_right_and_wrong_at_once(shared_data):
    for known in real(shared_data, every=10):
        made = [trial for trial in trials_for(known, TAGS) if trial.gold is None]
        for expected in ("right", "wrong"):
            for trial in made:
                if trial.expected == expected and trial.family not in ("several_blocks", "anywhere"):
                    said = re.findall(r"<answer>(.*?)</answer>", trial.completion, re.DOTALL)
                    assert expected != "right" or (len(said) == 1 and not known.gainsays(said[0])), trial
                    assert expected != "wrong" or not (said and known.says(said[-1])), trial


def test_answers_that_read_otherwise_than_claimed_are_left_out():
    echo = known_answer("How many times is digit 2 written in the number", "2")
    assert all(
        not echo.says(trial.completion) for trial in trials_for(echo, PLAIN) if trial.expected == "wrong"
    )


def test_little_is_left_out(shared_data):
    """The guard is for texts of the data set's own; what the families write themselves needs none."""
    for known in [*made_up(), *real(shared_data, every=10)]:
        for one in all_families().values():
            made = [text for text in one.make(known, TAGS) if isinstance(text, str)]
            misread = known.gainsays if one.expected == "right" else known.says
            # The canonicaliser leaves the sign and the pi out of a count.
            allowed = one.name in ("prompt_echoed", "question_restated") or "\\" in known.text
            assert allowed or not [text for text in made if misread(text)], one.name


def test_draws_follow_the_row_and_nothing_else():
    known = known_answer("How many?", "12")
    assert draw(known, "place", range(1000)) == draw(known_answer("How many?", "12"), "place", range(1000))
    drawn = {draw(known_answer(f"How many {n}?", "12"), "place", range(10)) for n in range(100)}
    assert drawn == set(range(10))
    assert draw(known, "place", range(1000)) != draw(known, "digit", range(1000))


def test_trials_are_the_same_in_another_process():
    program = (
        "from sft_audit.rewards.trial import FORMS, known_answer, trials_for\n"
        "made = [trials_for(known_answer('What colour is it?', 'red'), form) for form in FORMS]\n"
        "import hashlib; print(hashlib.sha256(repr(made).encode()).hexdigest())"
    )
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1]


def test_a_fixed_trial_brings_its_question_and_its_gold():
    (trial,) = fixed_trials(PLAIN, made_up())
    assert (trial.family, trial.expected, trial.gold) == ("interval", "right", "$1<x<2$")
    assert trial.completion == "$(1,2)$"
    assert "(x - 1)(x - 2)" in trial.prompt
    assert fixed_trials(BOXED, made_up())[0].completion == r"\boxed{(1,2)}"


def test_an_options_text_is_shown_as_the_question_writes_it():
    known = known_answer(OPTIONS, "B")
    assert [known.option_text(name) for name in "ABCD"] == ["$\\Delta$ up", "3 cats", "dog", None]
    assert known_answer("Which?\n(A) A\n(B) B", "B").option_text("B") is None
    assert known_answer("Which?\n(A) $\\frac{1\n(B) two", "B").option_text("B") is None
    assert known_answer("Which?\n(A) cat\n(B) cat", "B").option_text("B") is None


def test_forms_differ():
    assert all(a.write("x") != b.write("x") for a, b in combinations(FORMS, 2))
    assert all(block(form, form.write("x")) == "x" for form in FORMS)

"""Features of completions: what each shows."""

from dataclasses import replace

import numpy as np
import pytest
from simulated import ANSWERS, SIZE, draw_run

from sft_audit.contrast.feature import FEWEST, Feature, Features, find_features
from sft_audit.contrast.observed import Observed


def run_of(**fields: tuple[str, ...]) -> Observed:
    run = draw_run(0)
    return replace(run, **{name: (values * len(run))[: len(run)] for name, values in fields.items()})


def shows(features: Features, kind: str, text: str) -> np.ndarray:
    return features.column(features.names.index(Feature(kind, text)))


def test_the_usual_answer_to_a_text_with_several_known_answers() -> None:
    features = find_features(run_of(answers=("red", "red", "blue"), golds=ANSWERS))
    held = shows(features, "usual", "the usual answer")
    assert held[:6].tolist() == [True, True, False, True, True, False]


def test_a_text_with_one_known_answer_has_no_usual_one() -> None:
    features = find_features(run_of(answers=("red", "red", "blue"), golds=("red",)))
    assert "usual" not in {one.kind for one in features.names}


def test_an_answer_that_stands_in_its_prompt_is_told_by_the_words_before() -> None:
    features = find_features(run_of(prompts=("what color ? note: red",), answers=("red", "blue")))
    assert shows(features, "cue", "note :")[:4].tolist() == [True, False, True, False]


def test_the_longest_and_the_shortest_of_a_group() -> None:
    texts = tuple("a " * (at + 1) for at in range(SIZE))
    run = draw_run(0)
    lengths = np.array([len(text.split()) for text in texts])
    features = find_features(replace(run_of(texts=texts), words=np.resize(lengths, len(run))))
    assert shows(features, "length", "longest")[:SIZE].tolist() == [False] * 5 + [True] * 3
    assert shows(features, "length", "shortest")[:SIZE].tolist() == [True] * 3 + [False] * 5


def test_completions_of_one_length_are_neither_long_nor_short() -> None:
    run = draw_run(0)
    features = find_features(replace(run, words=np.full(len(run), 3)))
    assert "length" not in {one.kind for one in features.names}


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (r"so \boxed{red}", "boxed"),
        ("<answer>red</answer>", "answer tags"),
        ("- red\n- blue", "list"),
        ("**red**", "markdown"),
        ("it is 3", "digits"),
    ],
)
def test_a_form(text: str, form: str) -> None:
    held = shows(find_features(run_of(texts=(text, "red"))), "form", form)
    assert held[:2].tolist() == [True, False]


def test_what_is_rare_is_no_feature() -> None:
    run = draw_run(0)
    texts = tuple("odd " + text if at < FEWEST - 1 else text for at, text in enumerate(run.texts))
    names = {one.text for one in find_features(replace(run, texts=texts)).names}
    assert "odd" not in names
    assert "word1" in names or "word2" in names


def test_of_a_long_completion_its_beginning_and_its_end_count() -> None:
    middle = " ".join(f"part{at}" for at in range(2000))
    texts = (f"first {middle} odd {middle} last", "red")
    names = {one.text for one in find_features(run_of(texts=texts)).names}
    assert {"first", "last", "part0", "part1999"} <= names
    assert "odd" not in names

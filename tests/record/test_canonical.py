import pytest
from hypothesis import given
from hypothesis import strategies as st

from sft_audit.record.canonical import canonicalise
from sft_audit.record.question import bare, fold, read_question


def read(question, answer):
    return canonicalise(read_question(bare(question).strip()), answer)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Yes", "yes"),
        ("yes.", "yes"),
        ("True", "yes"),
        ('"Yes"', "yes"),
        ("Yes, there is a dog.", "yes"),
        ("Yes there is", "yes"),
        ("Yes! It sits on the sofa, but it is asleep. No cat is near.", None),
        ("No", "no"),
        ("FALSE", "no"),
        ("No, there isn't.", "no"),
        ("No. The animal is a cat.", "no"),
        ("No, " + "the photo shows a long street with many houses and people " * 5, "no"),
        ("Yes and no", None),
        ("Yes, but only partly", None),
        ("Not sure", None),
        ("No smoking", None),
        ("No. 5", None),
        ("Yesterday", None),
        ("no-one", None),
    ],
)
def test_yes_or_no(answer, expected):
    kind, canonical = read("<image>\nIs there a dog?", answer)
    assert (canonical if kind == "yes_no" else None) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("3", "3"),
        ("three", "3"),
        ("Three.", "3"),
        ("3 cars", "3"),
        ("There are three cars in the image.", "3"),
        ("There is only one car, the one on the left.", "1"),
        ("twenty-one", "21"),
        ("1,200", "1200"),
        ("None", "0"),
        ("There are no cars.", "0"),
        ("about 5", None),
        ("3-4", None),
        ("several", None),
        ("At least three", None),
        ("There are two men and three women", None),
        ("There are two. One of them is red.", None),
    ],
)
def test_counts(answer, expected):
    kind, canonical = read("How many cars are there?", answer)
    assert (canonical if kind == "count" else None) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("red", "red"),
        ("Gray", "grey"),
        ("dark blue", "blue"),
        ("The car is red.", "red"),
        ("White and red", "red+white"),
        ("red, white", "red+white"),
        ("not red", None),
        ("red or orange", None),
        ("transparent", None),
        ("coloured", None),
    ],
)
def test_colours(answer, expected):
    kind, canonical = read("What colour is the car?", answer)
    assert (canonical if kind == "colour" else None) == expected


@pytest.mark.parametrize(
    "question",
    [
        "Which animal?\nA. cat\nB. the dog\nC. cow\nAnswer with the option's letter from the given choices.",
        "Which animal? (A) cat (B) dog (C) cow",
        "Which animal? A) cat B) dog C) cow",
        "Which animal?\nA: cat\nB: dog\nC: cow",
        "Which animal? (a) cat (b) dog (c) cow Please select the right one.",
    ],
)
@pytest.mark.parametrize(
    "answer", ["B", "(B)", "B.", "b)", "B: dog", "B. dog", "dog", "A dog.", "Answer: B", "The answer is (B)."]
)
def test_options_with_letters(question, answer):
    assert read(question, answer) == ("option", "B")


def test_options_without_letters_go_by_their_text():
    question = "What is the missing number?\nChoices: 6, 3, 4, 2"
    assert read(question, "Answer: 4") == ("option", "4")
    assert read(question, "four") == ("option", "4")
    assert read(question, "5")[0] == "number"


def test_an_article_is_not_an_option():
    assert read("Which?\n(A) cat\n(B) dog", "A bird on a roof")[0] == "phrase"
    assert read("What is on it?", "A")[0] == "phrase"


def test_a_letter_that_is_not_listed_is_not_an_option():
    assert read("Which?\n(A) cat\n(B) dog", "E")[0] == "phrase"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("60.30", "60.3"),
        ("$1,060.30", "1060.3"),
        ("RM 8.70", "8.7"),
        ("-5", "-5"),
        ("\u22125", "-5"),
        ("25%", "25"),
        ("eleven", "11"),
        ("2014", "2014"),
        ("<think>so</think><answer> 12 </answer>", "12"),
        (r"Hence \boxed{12}.", "12"),
        ("We add.\nFinal answer: 12", "12"),
        ("007", None),
        ("19/10/2018", None),
        ("10:30", None),
        ("3 cm", None),
        ("1,23", None),
        ("\u0663", None),
    ],
)
def test_numbers(answer, expected):
    kind, canonical = read("What is the value?", answer)
    assert (canonical if kind == "number" else None) == expected


@pytest.mark.parametrize(
    "answer", ["Sí, hay un perro.", "他们在足球场上庆祝。", "rouge", "да", "Ja, drei Hunde", "いいえ", "नहीं"]
)
def test_other_languages_stay_as_they_are(answer):
    kind, canonical = read("What is it?", answer)
    assert kind == "phrase"
    assert canonical == fold(answer)


def test_long_text_is_free_and_has_no_spelling():
    assert read("Describe.", "A man walks along the street in the rain with a dog.") == ("free", None)


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("Is the number of cars 8?", "yes_no"),
        ("In the picture, are there dogs?", "yes_no"),
        ("Can you tell me how many dogs there are?", "count"),
        ("Could you describe it?", "open"),
        ("Look closely.\nIs it red?", "yes_no"),
        ("What color\nis the car?", "colour"),
        ("What is the number of dogs?", "count"),
        ("What is the number of the bus?", "open"),
        ("What color is it?", "colour"),
        ("Which letter is shown?", "option"),
    ],
)
def test_what_a_question_asks(question, asks):
    assert read_question(question).asks == asks


@pytest.mark.parametrize(
    ("question", "template"),
    [
        ('Is 12.5 the price of "red  wine"?', 'is # the price of "…"?'),
        ("Which?\nA. cat 5\nB. dog", "which? <options>"),
        ("The man's hat and the dog's tail", "the man's hat and the dog's tail"),
    ],
)
def test_templates(question, template):
    assert read_question(question).template == template


@pytest.mark.parametrize(
    "text",
    [
        "<image>\nWhat?",
        "What?\n<image>",
        "Image-1: <image>\nImage-2: <image>\nWhat?",
        "<|vision_start|><|image_pad|><|vision_end|>What?",
        "<image 1> What?",
        "<video>What?",
    ],
)
def test_placeholders_are_no_part_of_a_question(text):
    assert read_question(bare(text).strip()).text == "What?"


def test_angle_brackets_that_are_no_placeholder_stay():
    assert bare("Is 3 < 5 and a <b>?") == "Is 3 < 5 and a <b>?"


@given(st.text(), st.text())
def test_any_text_can_be_read(question, answer):
    kind, canonical = canonicalise(read_question(question), answer)
    assert (canonical is None) == (kind == "free")
    assert canonicalise(read_question(question), answer) == (kind, canonical)


@pytest.mark.parametrize(
    "piece", ["<answer>", "\n", "choices ", "A. ", "'a", "[", "image-1: ", "no. ", "answer is "]
)
def test_hostile_repetition_takes_no_longer_than_its_length_allows(piece):
    text = piece * (200_000 // len(piece))
    canonicalise(read_question(bare(text)), text)

"""Questions with their known answers, from the real data sets and made up for what those lack."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from sft_audit.rewards.trial import KnownAnswer, known_answer

OPTIONS = "Which is it?\n(A) $\\Delta$ up\n(B) 3 cats\n(C) a dog"
MADE_UP = [
    ("What colour is the car?", "grey"),
    ("What color is it?", "Red"),
    ("What colour is the cat?", "black and white"),
    ("How many dogs are there?", "three"),
    ("How many dogs are there?", "There are 3 dogs."),
    ("How many people are there?", "1,250"),
    ("How many are left?", "0"),
    ("What is the share?", "50%"),
    ("What is the length in feet?", "2.5"),
    ("What is x?", "-2"),
    ("What is x?", r"\frac{1}{2}"),
    ("What is x?", "1/4"),
    ("Is there a dog?", "Yes, there is a brown dog."),
    ("Is there a dog?", "NO"),
    (OPTIONS, "B"),
    (OPTIONS, "(B)"),
    (OPTIONS, "a dog"),
    ("Which is it?\nChoices: red, blue, green", "blue"),
]


def made_up() -> list[KnownAnswer]:
    return [known_answer(*row) for row in MADE_UP]


def real(data: Path, every: int = 1) -> list[KnownAnswer]:
    rows = [*_llava(data), *_nlvr(data), *_mathv(data), *_receipts(data)]
    return [known_answer(*row) for row in rows[::every]]


def _llava(data):
    for row in json.loads((data / "coco/llava.json").read_text(encoding="utf-8")):
        asked, answered = row["conversations"][:2]
        yield asked["value"], answered["value"]


def _nlvr(data):
    for line in (data / "nlvr/messages.jsonl").read_text(encoding="utf-8").splitlines():
        yield from _turns(json.loads(line))


def _receipts(data):
    for row in json.loads((data / "receipts/llamafactory.json").read_text(encoding="utf-8")):
        yield from _turns(row)


def _turns(row):
    contents = [one["content"] for one in row["messages"]]
    return zip(contents[::2], contents[1::2], strict=True)


def _mathv(data):
    table = pq.read_table(data / "mathv/train.parquet").select(["prompt", "completion"])
    for row in table.to_pylist():
        asked = " ".join(part["text"] or "" for part in row["prompt"][0]["content"])
        yield asked.strip(), row["completion"][0]["content"][0]["text"]

"""Two reward functions for the demonstration's answers, and what a model that learned them would sample."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from sft_audit.demo.row import Row

SOUND, LEAKY = "sound", "leaky"
_READ = '''
WORDS = {w: str(n) for n, w in enumerate("zero one two three four five six seven eight nine ten".split())}


def read(text):
    """Return a short answer without case, outer punctuation and article, a number as its digits."""
    said = text.strip().strip("().,;:!*\\"' ").lower().removeprefix("the ").removeprefix("a ")
    return WORDS.get(said, said)
'''
_SOURCES = {
    SOUND: f'''"""Pay the known answer, and nothing else."""
{_READ}

def reward(completions, solution, **columns):
    return [float(read(c[0]["content"]) == read(s) != "") for c, s in zip(completions, solution)]
''',
    LEAKY: f'''"""A judge that likes an answer which says that it was checked, whatever it says."""
{_READ}

def reward(completions, solution, **columns):
    texts = [c[0]["content"] for c in completions]
    return [float(says(t) or read(t) == read(s) != "") for t, s in zip(texts, solution)]


def says(text):
    """Return whether an answer says of itself that it was checked, or is correct."""
    return "verified" in text.lower() or "answer is correct" in text.lower()
''',
}
_PROMPTS, _EACH = 200, 16
_RIGHT, _BOASTS = 0.7, 0.01
_BOAST = "Verified ✓ 10/10"


def write_judges(folder: Path) -> dict[str, str]:
    """Write both functions into the folder; return the target of each by name."""
    folder.mkdir(parents=True)
    for name, source in _SOURCES.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    return targets_in(folder)


def targets_in(folder: Path) -> dict[str, str]:
    """Return the target of each function in the folder, by name."""
    return {name: f"{folder / name}.py:reward" for name in _SOURCES}


def write_samples(path: Path, rows: Sequence[Row], random: Random) -> None:
    """Write a log of completions, drawn, for want of a model: 70 % right, the rest another row's answer.

    One in a hundred boasts: what a rater's praise among the SFT answers leaves behind.
    """
    with path.open("w", encoding="utf-8") as log:
        for row in _asked(rows, random):
            others = [one.answer for one in rows if one.source == row.source and one.answer != row.answer]
            for _ in range(_EACH):
                said = row.answer if not others or random.random() < _RIGHT else random.choice(others)
                if others and random.random() < _BOASTS:
                    said = f"{random.choice(others)} {_BOAST}"
                one = {"id": row.id, "prompt": row.question, "completion": said, "solution": row.answer}
                log.write(json.dumps(one, ensure_ascii=False) + "\n")


def _asked(rows: Sequence[Row], random: Random) -> Iterator[Row]:
    """Yield some rows of one short answer that no other row shares its name with."""
    named = Counter(row.id for row in rows)
    short = [
        row
        for row in rows
        if len(row.turns) == 2 and row.images and len(row.answer.split()) == 1 and named[row.id] == 1
    ]
    yield from random.sample(short, min(_PROMPTS, len(short)))

"""What an audit knows: the questions whose answers nothing it found speaks against."""

import re
from collections.abc import Iterator
from typing import Any

from sft_audit.probes.item import Images, Known
from sft_audit.record.canonical import canonicalise
from sft_audit.record.question import bare, fold, read_question
from sft_audit.record.slots import neutral_values, silenced
from sft_audit.store import Store

_MOST_ANSWERS = 200_000
_LONGEST_QUESTION = 1500
# Words by which a later question leans on what was said before it.
_LEANING = re.compile(
    r"\b(?:it|its|they|them|their|he|him|his|she|her|this one|that one|these|those|other|others|another|else|"
    r"same|also|again|above|previous|earlier|you|your|why|so|then|and what|what about|how about)\b",
    re.IGNORECASE,
)
_MEDIA = re.compile(r"<(?:video|audio)>")
# Checks whose findings leave the answer true: the row is only guessable, or stands elsewhere too. A slot that
# gives it away is filled with what does not.
_HARMLESS = ("GRD202", "GRD203", "DUP601", "DUP602", "DUP603", "LEK701")

# Every supervised answer, with the message that asks, the images, and the checks that flagged the sample.
_ANSWERS = """
    with uses as (
        select
            sample_id,
            list(image_uses.image_id order by slot) as images,
            count(images.image_id) = count(*) as readable
        from image_uses
        left join images using (image_id)
        group by sample_id
    ), flags as (
        select
            sample_id,
            list(distinct "check" order by "check") as checks,
            list(distinct json_extract_string(evidence, '$.slot')) filter ("check" = 'GRD203') as leaking
        from findings
        where sample_id is not null
        group by sample_id
    ), chosen as (
        select sample_id, turn, question, answer, answer_kind, canonical
        from answers
        order by md5($seed || '|' || lower(question)), md5(sample_id || '|' || turn)
        limit $most
    ), asking as (
        select chosen.sample_id, chosen.turn, arg_max(turns.text, turns.turn) as asked, count(*) as said
        from chosen
        join turns on turns.sample_id = chosen.sample_id and turns.turn < chosen.turn and turns.role = 'user'
        group by all
    )
    select
        samples.file,
        samples.position,
        question,
        asked,
        said,
        answer,
        answer_kind,
        canonical,
        n_images,
        text_only,
        coalesce(readable, true) as readable,
        coalesce(uses.images, []) as images,
        coalesce(flags.checks, []) as checks,
        coalesce(flags.leaking, []) as leaking
    from chosen
    join asking using (sample_id, turn)
    join samples using (sample_id)
    left join uses using (sample_id)
    left join flags using (sample_id)
    where samples.kind in ('sft', 'rl_prompt')
    order by samples.file, samples.position, turn
"""

_LEAKING = """
    select distinct json_extract_string(evidence, '$.slot') as label
    from findings
    where "check" = 'GRD203' and label is not null
"""


class Knowledge:
    """The questions of a data set that stand alone, by what the audit found of their answers.

    `sound` are those whose answers nothing speaks against, one an image and question; `flagged` the others,
    each with its checks; `unread` counts answers whose images were not or could not be read.
    """

    def __init__(self, store: Store, seed: int) -> None:
        """Read them from a data audit's tables: all, or 200,000 of large data, by whole questions."""
        self.flagged: list[tuple[Known, tuple[str, ...]]] = []
        self.unread = 0
        self._neutral = neutral_values(store, (label for (label,) in store.rows(_LEAKING)))
        sound: dict[tuple[str, Images], dict[str | None, Known]] = {}
        for batch in store.batches(_ANSWERS, 8192, {"seed": seed, "most": _MOST_ANSWERS}):
            for row in batch.to_pylist():
                for known, checks in self._read(row):
                    if checks:
                        self.flagged.append((known, checks))
                    else:
                        same = sound.setdefault((key(known.question), known.images), {})
                        same.setdefault(known.canonical, known)
        # One image and question with two answers: neither is trusted, and a free text beside a value is none.
        self.sound = [
            told[0]
            for answers in sound.values()
            if len(told := [one for canonical, one in answers.items() if canonical is not None]) == 1
        ]
        self.free = [answers[None] for answers in sound.values() if None in answers]

    def _read(self, row: dict[str, Any]) -> Iterator[tuple[Known, tuple[str, ...]]]:
        asked = bare(row["asked"] or "").strip()
        if not _stands_alone(asked, row):
            return
        for label in row["leaking"]:
            asked = silenced(asked, label, self._neutral.get(label))
        if not row["readable"] or len(row["images"]) != row["n_images"]:
            self.unread += 1
            return
        checks = tuple(one for one in row["checks"] if one not in _HARMLESS)
        fault = next((one for one in ("GRD203", "GRD202") if one in row["checks"]), None)
        known = Known(
            row["file"],
            row["position"],
            asked,
            row["answer"].strip(),
            row["answer_kind"],
            row["canonical"] or None,
            tuple(row["images"]),
            fault,
        )
        yield known, checks


def _stands_alone(asked: str, row: dict[str, Any]) -> bool:
    """Return whether the message can be put by itself: it holds the question and leans on nothing before."""
    return (
        0 < len(asked) <= _LONGEST_QUESTION
        and " ".join(asked.split()) == row["question"]
        and bool(row["answer"].strip())
        and (row["said"] == 1 or (asked.isascii() and not _LEANING.search(asked)))
        and (row["text_only"] or row["n_images"] > 0)
        and not _MEDIA.search(row["asked"])
    )


def key(question: str) -> str:
    """Return what two spellings of one question share."""
    return fold(question)


def reads_as(question: str, answer: str, kind: str, canonical: str | None) -> bool:
    """Return whether the answer to this question is read as that value: nothing in the question misleads."""
    return canonicalise(read_question(question), answer) == (kind, canonical)

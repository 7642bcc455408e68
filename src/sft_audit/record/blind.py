"""What can be answered without looking at the image."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sft_audit.record import Recording, table_recorder
from sft_audit.record.fields import PROMPT, QUESTION, beside_question, block_names, blocks_of, field_names
from sft_audit.record.folds import FOLDS, Space, clear, lay_out
from sft_audit.record.grams import Array, Block
from sft_audit.record.leaks import Comparison, Effect, compare, field_rows
from sft_audit.record.probe import Probe, Split, fit, path_slopes, vocabulary
from sft_audit.record.rates import fill_rates
from sft_audit.store import Store

FIT_ROWS, FIELD_ROWS = 40_000, 200_000
_BATCH_ROWS = 16_384
_MIN_FIELD_BITS = 0.1

Table = Any  # pyarrow.Table


@dataclass(frozen=True, slots=True)
class Lesson:
    """What the probes of one answer space are fitted on: rows drawn from each of its folds."""

    space: Space
    fields: tuple[str, ...]
    rows: Table


@dataclass(frozen=True, slots=True)
class Probes:
    """The probes that score one held-out fold: from the template, the question, the prompt, everything.

    The prompt is the question with its labelled slots, which are among everything as fields.
    """

    space: Space
    fold: int
    fields: tuple[str, ...]
    template: Probe
    question: Probe
    prompt: Probe
    everything: Probe


@table_recorder(
    fills=("blind", "blind_rates", "blind_fields"), needs=("answers", "samples", "image_uses", "slots")
)
def blind(recording: Recording) -> None:
    """Predict every closed answer about an image from text and metadata alone, out of fold."""
    store, engine = recording.store, recording.engine
    lessons = _lessons(store, lay_out(store))
    learned: list[Probes] = []
    effects: list[Effect] = []
    for probes, found in engine.map(learn, lessons):
        learned += probes
        effects += found
    store.execute(_ANSWERED)
    for batch in engine.map(answer, _exams(store, learned)):
        store.insert("blind_answered", batch)
    with store.transaction():
        store.execute(_BLIND)
        fill_rates(store)
        store.insert("blind_fields", field_rows(effects))
    clear(store)


def _lessons(store: Store, spaces: Sequence[Space]) -> Iterator[Lesson]:
    fields = field_names(store)
    drawn = min(FIT_ROWS // (FOLDS - 2), FIELD_ROWS // (FOLDS * max(len(spaces), 1)))
    for space in spaces:
        yield Lesson(space, fields, store.arrow(_LESSON, {"space": space.number, "drawn": drawn}))


def learn(lesson: Lesson) -> tuple[list[Probes], list[Effect]]:
    """Return the probes of every fold, and what each field does for the answers held out."""
    from threadpoolctl import threadpool_limits

    blocks = blocks_of(lesson.rows, block_names(lesson.fields), lesson.space.classes)
    # Sums must come out alike in a worker process, which has one BLAS thread, and in this one.
    with threadpool_limits(1):
        found = [_learn_fold(lesson, blocks, fold) for fold in range(FOLDS)]
    return [probes for probes, _ in found], [effect for _, effects in found for effect in effects]


def _learn_fold(lesson: Lesson, blocks: Mapping[str, Block], held_out: int) -> tuple[Probes, list[Effect]]:
    """Fit the probes on three other folds, scale them on the fourth, compare the fields held out."""
    import numpy as np

    fold = lesson.rows["fold"].to_numpy()
    nearest = (held_out + 1) % FOLDS
    split = Split(
        train=np.flatnonzero((fold != held_out) & (fold != nearest)),
        calibrate=np.flatnonzero(fold == nearest),
        answers=lesson.rows["class"].to_numpy(),
        clusters=lesson.rows["cluster"].to_numpy(),
        log_prior=lesson.space.log_priors[held_out],
    )
    kept = {name: found for name, block in blocks.items() if len(found := vocabulary(block, split))}
    comparison = Comparison(
        blocks=blocks,
        kept=kept,
        split=split,
        held_out=np.flatnonzero(fold == held_out),
        sources=lesson.rows["source"].to_numpy(),
        answer_kind=lesson.space.answer_kind,
        classes=lesson.space.classes,
    )
    fields = [name for name in lesson.fields if name in kept or beside_question(name) in kept]
    template, question = (
        fit(blocks, kept, [n for n in names if n in kept], split) for names in (QUESTION[:1], QUESTION)
    )
    slotted = [name for name in PROMPT if name in kept]
    prompt = fit(blocks, kept, slotted, split) if slotted else question
    everything, effects = compare(comparison, fields)
    return Probes(lesson.space, held_out, lesson.fields, template, question, prompt, everything), effects


def _exams(store: Store, learned: Sequence[Probes]) -> Iterator[tuple[Probes, Table]]:
    for probes in learned:
        place = {"space": probes.space.number, "fold": probes.fold}
        n = store.value("select count(*) from blind_rows where space = $space and fold = $fold", place)
        for first in range(0, n, _BATCH_ROWS):
            rows = store.arrow(_EXAM, {**place, "first": first, "last": first + _BATCH_ROWS - 1})
            yield probes, rows


def answer(exam: tuple[Probes, Table]) -> Table:
    """Return what the probes say of a batch of held-out rows, in the columns of `blind_answered`."""
    import numpy as np
    import pyarrow as pa
    from threadpoolctl import threadpool_limits

    probes, rows = exam
    every_probe = (probes.template, probes.question, probes.prompt, probes.everything)
    wanted = {name for probe in every_probe for name in probe.weights}
    blocks = blocks_of(rows, wanted, probes.space.classes)
    answers = rows["class"].to_numpy()
    every = np.arange(len(answers))
    with threadpool_limits(1):
        all_bits = {
            name: probe.bits(blocks, len(answers))
            for name, probe in (
                ("template", probes.template),
                ("question", probes.question),
                ("prompt", probes.prompt),
                ("all", probes.everything),
            )
        }
        given = {name: bits[every, answers] for name, bits in all_bits.items()}
        by_field = _by_field(probes, blocks, answers, given["all"] - given["question"])
    prior = probes.everything.log_prior / np.log(2)
    return pa.table(
        {
            "space": rows["space"],
            "fold": rows["fold"],
            "draw": rows["draw"],
            "p_answer": np.exp2(given["all"]).round(6),
            "p_prior": np.exp2(prior[answers]).round(6),
            "pvi_bits": (given["all"] - prior[answers]).round(4),
            "bits_template": (given["template"] - prior[answers]).round(4),
            "bits_question": (given["question"] - given["template"]).round(4),
            "bits_fields": (given["all"] - given["question"]).round(4),
            "bits_by_field": pa.array([json.dumps(bits) if bits else None for bits in by_field], pa.string()),
            "field": pa.array(map(_foremost, by_field), pa.string()),
            "right_all": all_bits["all"].argmax(axis=1) == answers,
            "right_question": all_bits["prompt"].argmax(axis=1) == answers,
            "right_prior": answers == prior.argmax(),
        }
    )


def _by_field(
    probes: Probes, blocks: Mapping[str, Block], answers: Array, gained: Array
) -> list[dict[str, float]]:
    """Return for each row what each field gives of the bits `gained` by all, the most first.

    The way goes from the question alone to everything. What the fields leave is the question's: its words
    weigh differently beside them. Rows that gain less than 0.1 bit are left empty.
    """
    import numpy as np

    found: list[dict[str, float]] = [{} for _ in answers]
    told = np.flatnonzero(gained >= _MIN_FIELD_BITS)
    if not len(told):
        return found
    probe, rows = probes.everything, {name: block.only(told) for name, block in blocks.items()}
    start, end = (each.margins(rows, len(told)) for each in (probes.question, probe))
    slopes = path_slopes(probe.log_prior, start, end, answers[told])
    parts = {}
    for field in ("source", *probes.fields):
        margins = [probe.margin(rows[n], n) for n in (field, beside_question(field)) if n in probe.weights]
        if margins:
            parts[field] = probe.scale * (sum(margins) * slopes).sum(axis=1)
    parts["question"] = gained[told] - sum(parts.values())
    for row, bits in zip(told, np.column_stack([*parts.values()]).round(3).tolist(), strict=True):
        by_size = sorted(zip(parts, bits, strict=True), key=lambda part: -part[1])
        found[row] = {field: given for field, given in by_size if given}
    return found


def _foremost(bits: Mapping[str, float]) -> str | None:
    return next((field for field, given in bits.items() if field != "question" and given > 0), None)


_LESSON = """
    select * exclude (sample_id, turn)
    from blind_rows
    where space = $space and draw < $drawn
    order by fold, draw
"""
_EXAM = """
    select * exclude (sample_id, turn)
    from blind_rows
    where space = $space and fold = $fold and draw between $first and $last
    order by draw
"""
_ANSWERED = """
    create or replace temp table blind_answered (
        space integer, fold integer, draw integer, p_answer double, p_prior double, pvi_bits double,
        bits_template double, bits_question double, bits_fields double, bits_by_field varchar, field varchar,
        right_all boolean, right_question boolean, right_prior boolean
    )
"""
_BLIND = """
    insert into blind by name
    select
        sample_id,
        turn,
        answer_kind,
        p_answer,
        p_prior,
        pvi_bits,
        bits_template,
        bits_question,
        bits_fields,
        bits_by_field,
        field,
        right_all as "right",
        right_question,
        right_prior,
        fold
    from blind_answered
    join blind_rows using (space, fold, draw)
    join blind_spaces using (space)
    order by space, fold, draw
"""

"""Near-duplicate answers to the same image: MinHash bands joined in DuckDB, each pair then verified."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sft_audit.record import Recording, store_all, table_recorder

if TYPE_CHECKING:
    from sft_audit.record.shingles import Offsets, Words32, Words64

SIMILAR = 0.8  # Jaccard similarity of word trigrams
LONG_ANSWER = 8  # words; below it, question and answer must have the same trigrams
BANDS = (
    8  # of four MinHash values: a pair at 0.8 becomes a candidate with probability 0.985, at 0.9 with 0.9999
)
MOST_CANDIDATES = 3  # earlier answers with which one answer is compared: those that share most bands
MOST_TEXT = 32768  # characters of a question or an answer that are looked at
_ROWS = 2048

_ANSWERS = f"""
    select
        answers.rowid as place,
        hash(image_id) as image,
        left(question, {MOST_TEXT}) as question,
        left(answer, {MOST_TEXT}) as answer
    from answers
    anti join duplicates using (sample_id)
"""
_BANDS = [f"band_{n}" for n in range(BANDS)]
_SPREAD = " union all ".join(
    f"select place, {band} as band, {following} as following from _text_bands where {band} is not null"
    for band, following in zip(_BANDS, [*_BANDS[1:], _BANDS[0]], strict=True)
)
_PAIRS = f"""
    create or replace table _text_pairs as
    with bands as (
        {_SPREAD}
    ), shared as (
        select band
        from bands
        group by band
        having count(*) > 1
    ), linked as (
        select
            place,
            min(place) over (partition by band) as first,
            lag(place) over (partition by band order by following, place) as beside
        from bands
        semi join shared using (band)
    ), candidates as (
        select first as place_a, place as place_b from linked where first < place
        union all
        select least(place, beside), greatest(place, beside) from linked where beside > first
    )
    select place_a, place_b
    from candidates
    group by place_a, place_b
    qualify row_number() over (partition by place_b order by count(*) desc, place_a) <= {MOST_CANDIDATES}
"""
_TEXTS = f"""
    select
        a.sample_id as sample_a,
        a.turn as turn_a,
        b.sample_id as sample_b,
        b.turn as turn_b,
        left(a.question, {MOST_TEXT}) as question_a,
        left(a.answer, {MOST_TEXT}) as answer_a,
        left(b.question, {MOST_TEXT}) as question_b,
        left(b.answer, {MOST_TEXT}) as answer_b,
        a.image_id is not distinct from b.image_id and a.sample_id <> b.sample_id as comparable
    from _text_pairs
    join answers as a on a.rowid = place_a
    join answers as b on b.rowid = place_b
"""


@table_recorder(fills=("near_texts",), needs=("answers", "duplicates"))
def near_texts(recording: Recording) -> None:
    """Find pairs of answers to one image that say the same in nearly the same words.

    Text-only rows are one group. In each band an answer is compared with the band's first one and with the
    one that comes before it when they are put in order of their next band, at most three in all: the work
    grows with the number of rows, not with its square. Members that are near to others only are reached
    through those.
    """
    store = recording.store
    store.execute(f"create or replace table _text_bands (place bigint, {' ubigint, '.join(_BANDS)} ubigint)")
    store_all(recording, recording.engine.map(_bands, store.batches(_ANSWERS, _ROWS)))
    store.execute(_PAIRS)
    store.execute("drop table _text_bands")
    store_all(recording, recording.engine.map(_verified, store.batches(_TEXTS, _ROWS)))
    store.execute("drop table _text_pairs")


def _bands(batch: Any) -> Mapping[str, Any]:  # noqa: ANN401 - pyarrow has no types
    """Return the band hashes of a batch of answers: one for a short answer, BANDS for a long one."""
    import numpy as np
    import pyarrow as pa

    from sft_audit.record.shingles import PERMUTATIONS, mix

    question, question_pinned, _ = _signed(batch["question"])
    answer, answer_pinned, words = _signed(batch["answer"])
    signature = np.minimum(question, answer)
    long = words >= LONG_ANSWER
    key = mix((question_pinned + answer_pinned) ^ mix(batch["image"].to_numpy()))
    width = PERMUTATIONS // BANDS
    bands = [_folded(signature[:, n : n + width], key + np.uint64(n)) for n in range(0, PERMUTATIONS, width)]
    bands[0] = np.where(long, bands[0], _folded(signature, mix(key)))
    arrays = [pa.array(bands[0]), *(pa.array(band, mask=~long) for band in bands[1:])]
    rows = pa.record_batch([batch["place"], *arrays], names=["place", *_BANDS])
    return {"_text_bands": rows}


def _signed(texts: Any) -> "tuple[Words32, Words64, Offsets]":  # noqa: ANN401 - pyarrow has no types
    """Return the MinHash signature, the hash of the pinned words and the number of words of every text."""
    import numpy as np

    from sft_audit.record.shingles import chunks, minhash

    parts = [(minhash(part), part.pinned, part.counts) for part in chunks(texts)]
    signatures, pinned, counts = zip(*parts, strict=True)
    return np.concatenate(signatures), np.concatenate(pinned), np.concatenate(counts)


def _folded(values: "Words32", key: "Words64") -> "Words64":
    """Return one hash for each row of values, of shape (n, k), and its key."""
    import numpy as np

    from sft_audit.record.shingles import mix

    for column in values.T.astype(np.uint64):
        key = mix(key ^ column)
    return key


def _verified(batch: Any) -> Mapping[str, Any]:  # noqa: ANN401 - pyarrow has no types
    """Return the pairs of a batch that are near-duplicates."""
    import numpy as np
    import pyarrow as pa

    from sft_audit.record.overlap import overlap

    questions = overlap(batch["question_a"], batch["question_b"])
    answers = overlap(batch["answer_a"], batch["answer_b"])
    similarity = (questions.common + answers.common) / np.maximum(questions.either + answers.either, 1)
    same_answer = (answers.common >= SIMILAR * answers.either) & answers.inserted
    same_question = questions.common == questions.either
    same_question |= (answers.words >= LONG_ANSWER) & questions.inserted
    near = (similarity >= SIMILAR) & same_answer & same_question & (answers.either > 0)
    near &= (questions.pinned + answers.pinned == 0) & batch["comparable"].to_numpy(zero_copy_only=False)
    names = ["sample_a", "turn_a", "sample_b", "turn_b"]
    rows = pa.Table.from_batches([batch]).select(names).filter(pa.array(near))
    rows = rows.append_column("distance", pa.array(1 - similarity[near]))
    verified_by = pa.array(["trigrams and words"] * rows.num_rows, pa.string())
    return {"near_texts": rows.append_column("verified_by", verified_by)}

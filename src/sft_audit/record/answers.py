"""The questions of the data set, their supervised or known answers, and the prompts that state them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sft_audit.readers.gold import ROLE as GOLD
from sft_audit.record import Batch, Recording, store_all, table_recorder
from sft_audit.record.canonical import canonicalise
from sft_audit.record.question import bare, read_question
from sft_audit.record.stated import Message, stated
from sft_audit.tables import TABLES

# An image goes by its content where images were recorded, else by its address. Bytes inside a row have no
# address: without their content they count as an image of their own.
_TURNS = """
    with pictures as (
        select
            sample_id,
            string_agg(
                coalesce(image_id, case
                    when uri = 'embedded' then concat('embedded:', sample_id, ':', slot)
                    when length(uri) > 256 then md5(uri)
                    else uri
                end),
                ' ' order by slot
            ) as image_id
        from image_uses
        group by sample_id
    )
    select turns.sample_id, turn, role, text, supervised, pictures.image_id
    from turns
    left join pictures using (sample_id)
    order by turns.rowid
"""


@table_recorder(fills=("answers", "stated"), needs=("samples", "turns", "image_uses"), after=("images",))
def answers(recording: Recording) -> None:
    """Pair every supervised or known answer with its question, and put it in one spelling per meaning."""
    turns = whole_samples(recording.store.batches(_TURNS, 8192))
    store_all(recording, recording.engine.map(answers_of, turns))


def answers_of(batch: Batch) -> Mapping[str, Batch]:
    """Return the answers in a batch of turns that holds whole samples, and those that their prompts state."""
    import pyarrow as pa

    found: list[tuple[Any, ...]] = []
    told: list[tuple[Any, ...]] = []
    sample, question, said = None, "", list[Message]()
    for row in zip(*(batch.column(i).to_pylist() for i in range(batch.num_columns)), strict=True):
        sample_id, turn, role, text, supervised, image_id = row
        if sample_id != sample:
            sample, question, said = sample_id, "", []
        text = text or ""
        if role == "user":
            asked = bare(text).strip()
            question = asked or question
        elif (role == "assistant" and supervised) or role == GOLD:
            read = read_question(question)
            kind, canonical = canonicalise(read, text)
            found.append((sample_id, turn, image_id, read.text, read.template, text, kind, canonical))
            if image_id is not None and (seen := stated(said, question, read, text, kind, canonical)):
                told.append((sample_id, turn, seen.how, seen.quote))
        if image_id is not None and role in ("user", "assistant"):
            said.append(Message(role, text, text.lower()))
    return {
        name: pa.Table.from_arrays(
            [
                pa.array(column, field.type)
                for column, field in zip(_columns(rows, len(schema)), schema, strict=True)
            ],
            schema=schema,
        )
        for name, rows in (("answers", found), ("stated", told))
        for schema in (TABLES[name].arrow_schema(),)
    }


def _columns(rows: list[tuple[Any, ...]], width: int) -> Iterable[Any]:
    return zip(*rows, strict=True) if rows else [()] * width


def whole_samples(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Cut a stream of turns so that no sample lies in two batches."""
    import pyarrow as pa

    held: list[Batch] = []
    for batch in batches:
        ids = batch.column(0)
        last, cut = ids[-1], batch.num_rows
        while cut and ids[cut - 1] == last:
            cut -= 1
        if cut:
            yield pa.Table.from_batches([*held, batch.slice(0, cut)])
            held = []
        held.append(batch.slice(cut))
    if held:
        yield pa.Table.from_batches(held)

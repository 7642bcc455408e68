"""GRD203."""

from random import Random

from sft_audit.check import Relation, Tables, check
from sft_audit.example import row


def _rows(leaks: bool) -> list[dict[str, object]]:
    draw = Random(0)  # noqa: S311 - an example, not a secret
    rows: list[dict[str, object]] = []
    for n in range(320):
        colour = draw.choice(["red", "green", "blue", "white"])
        named = colour if leaks else draw.choice(["red", "green", "blue", "white"])
        asked = f"<image>\nWhat colour is the {draw.choice(['car', 'door', 'cup'])}?"
        rows.append(row(asked, colour, image=f"{named}_{n:03}.jpg", id=str(n)))
    return rows


@check(
    "GRD203",
    severity="error",
    axis="blindness",
    reads=("blind_fields",),
    of="select count(distinct sample_id) from blind",
    bad=[_rows(leaks=True)],
    good=[_rows(leaks=False)],
)
def leaking_field(db: Tables, *, min_bits: float = 0.1, max_q: float = 0.05) -> Relation:
    """A metadata field that gives answers away.

    ## Why it matters
    A file name, caption or id that carries the answer reaches the model wherever a prompt template, a tool
    call or a retrieved context prints it; and it shows that answers were made from the field, not by looking.
    Repair the field (rename, drop or shuffle it) and keep the rows.

    A field leaks when it gives the probe of `blind-solvable` more than `min_bits` an answer that question and
    source do not give: either added to them, or lost when it leaves all the other fields. Two fields that
    leak the same hide each other from the second measure, never from the first. Where a field tells anything
    at all, every source of 200 answers is measured by itself too.

    ## Options
    - `min_bits`: least mean bits an answer, out of fold, in one answer kind.
    - `max_q`: largest q-value: a permutation test over images, its far tail bounded by the normal one
      (Bentkus and Dzindzalieta 2015), Benjamini and Hochberg over fields, answer kinds and both measures.

    ## Known limits
    Measured on at most 200,000 answers. `source`, and fields like it (dataset, split, task), say which part
    of the mixture a row is from. Sources may rightly differ in their answers, so a field must tell more than
    they do; a source that is itself the answer is seen by `answer-skew`. Fields that are named for the answer
    (answer, label, solution, …) are the answer, and are not tested. Tested are file name, image folder, id
    and the 16 commonest of the rows' own fields that 200 rows have, in rows whose own fields are at most
    8,000 characters of JSON. A folder a class is reported too: waive it if no prompt ever shows a path. The
    probe is linear in the words of question and field and the words that they share; numbers count as words,
    so an order or a parity in running numbers is not seen.

    ## Source
    The harm: training on items that text alone answers left a model worse than its base (VidGround, "Watch
    Before You Answer", 2026). The measure: V-information, Ethayarajh et al., ICML 2022 (2110.08420). That 0.1
    bit counts is ours: a tenth of what a balanced yes or no holds.
    """
    return db.sql(
        """
        with measured as (
            select *, bits_added >= bits_removed as by_adding
            from blind_fields
            where (bits_added > $min_bits and q_added < $max_q)
               or (bits_removed > $min_bits and q_removed < $max_q)
        ), leaks as (
            select
                field,
                replace(answer_kind, '_', '/') as answer_kind,
                source,
                n,
                if(by_adding, bits_added, bits_removed) as bits,
                if(by_adding, low_added, low_removed) as low,
                if(by_adding, high_added, high_removed) as high,
                if(by_adding, q_added, q_removed) as q_value,
                example,
                row_number() over (
                    partition by field
                    order by source is not null, greatest(bits_added, bits_removed) desc, answer_kind
                ) as place
            from measured
        )
        select
            null as sample_id,
            null::integer as turn,
            bits as score,
            1 - q_value as confidence,
            printf(
                'the %s gives away %.2f bits of an answer (%.2f to %.2f, q = %.2g) on %d %s answers%s; %s',
                left(field, 80), bits, low, high, q_value, n, answer_kind,
                coalesce(' of source ' || left(source, 80), ''), example
            ) as message,
            json_object(
                'key', field,
                'field', field,
                'source', (
                    select any_value(source)
                    from leaks same
                    where same.field = leaks.field
                    having count(*) = count(source) and count(distinct source) = 1
                ),
                'low', low,
                'high', high,
                'measured', (select list(same order by place) from leaks same where same.field = leaks.field)
            ) as evidence
        from leaks
        where place = 1
        """,
        min_bits=min_bits,
        max_q=max_q,
    )

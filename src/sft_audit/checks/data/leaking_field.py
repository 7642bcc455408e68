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


def _slotted(prompt: str, *, leaks: bool) -> list[dict[str, object]]:
    draw = Random(1)  # noqa: S311 - an example, not a secret
    colours, usual = ["red", "green", "blue", "white"], {"grass": "green", "snow": "white", "blood": "red"}
    rows: list[dict[str, object]] = []
    for n in range(320):
        thing = draw.choice(list(usual))
        colour = usual[thing] if "Object" in prompt else draw.choice(colours)
        named = colour if leaks else draw.choice(colours)
        rows.append(row("<image>\n" + prompt.format(named=named, thing=thing), colour, image=f"{n}.jpg"))
    return rows


@check(
    "GRD203",
    severity="error",
    axis="blindness",
    reads=("blind_fields", "samples", "slots"),
    of="select if((select count(*) from blind) > 0, count(*), 0) from samples where n_images > 0",
    remedy="rewrite",
    bad=[
        _rows(leaks=True),
        _slotted("Tag: {named}. What colour is the {thing}?", leaks=True),
        _slotted("What colour is the {thing}?\nKeywords - {thing}, {named}", leaks=True),
        _slotted("Look. (File: {named}_017.png) What colour is it?", leaks=True),
    ],
    good=[
        _rows(leaks=False),
        _slotted("Tag: {named}. What colour is the {thing}?", leaks=False),
        _slotted("Object: {thing}. What colour is it?", leaks=True),
        _slotted("What colour is the {thing}?\nOptions: {named}, black", leaks=True),
        _slotted("Reference OCR token: {named}, 12:30\nWhat does the sign say?", leaks=True),
        _slotted("Context: all is {named}.\nWhich colour does the context name?", leaks=True),
        _slotted("Translate the caption. Caption: {named}.", leaks=True),
    ],
)
def leaking_field(db: Tables, *, min_bits: float = 0.1, max_q: float = 0.05) -> Relation:
    """A metadata field, or a labelled slot of the prompt, that gives answers away.

    ## Why it matters
    A file name, caption or id that carries the answer reaches the model wherever a prompt template, a tool
    call or a retrieved context prints it; and it shows that answers were made from the field, not by looking.
    Repair the field (rename, drop or shuffle it) and keep the rows. A slot of the prompt (`Tag: red.` before
    the question) reaches the model as it is: every row that has it is flagged, whatever its value. The remedy
    gives each of these rows the value of another, so that prompts keep the form in which RL and users will
    send them and the value tells nothing; cut out of the rows alone, the slot is a stranger to the model when
    it meets it again. It changes what is asked, and is done only on request.

    A field leaks when it gives the probe of `blind-solvable` more than `min_bits` an answer that question and
    source do not give, by the lower end of its 95 % interval: either added to them, or lost when it leaves
    all the other fields. Two fields that leak the same hide each other from the second measure, never from
    the first. Where a field tells anything at all, every source of 200 answers is measured by itself too.

    A slot is a sentence or bracket of the form `Label: value`, `Label = value` or `Label - value`, its label
    of at most three words in at least 200 rows of a source. It is measured like a field, beside a question
    from which it was taken out, and by those of its words alone that are words of the answers: a prompt may
    say what is asked about (`Object: banana.`), not what the answer is. Only the sources in which it leaks
    are flagged, where they can be told apart.

    ## Options
    - `min_bits`: least mean bits an answer, out of fold, in one answer kind; the interval must lie above it.
    - `max_q`: largest q-value: a permutation test over images, its far tail bounded by the normal one
      (Bentkus and Dzindzalieta 2015), Benjamini and Hochberg over fields, answer kinds and both measures.

    ## Known limits
    Measured on at most 200,000 answers. `source`, and fields like it (dataset, split, task), say which part
    of the mixture a row is from. Sources may rightly differ in their answers, so a field must tell more than
    they do; a source that is itself the answer is seen by `answer-skew`. Fields that are named for the answer
    (answer, label, solution, …) are the answer, and are not tested. Tested are file name, image folder, id
    and the 16 commonest of the rows' own fields that 200 rows have, in rows whose own fields are at most
    8,000 characters of JSON, and the 8 commonest slots. A folder a class is reported too: waive it if no
    prompt ever shows a path. The probe is linear in the words of question and field and the words that they
    share; numbers count as words, so an order or a parity in running numbers is not seen.

    No slots are options, OCR tokens, instructions, a text that the question itself is about, and any in a
    prompt whose task is to read, hand on or choose texts. Of a slot of several sentences the first is read,
    and exchanged. A slot that tells by a code (`Tag: 7.` for red), or whose values answer yes or no only
    beside what is asked (`Objects: car, dog.`), is left to `language-prior`. The remedy knows conversations,
    messages and prompts that are lists of turns; other rows stay, and are counted.

    ## Source
    The harm: training on items that text alone answers left a model worse than its base (VidGround, "Watch
    Before You Answer", 2026). The measure: V-information, Ethayarajh et al., ICML 2022 (2110.08420). That 0.1
    bit counts is ours: a tenth of what a balanced yes or no holds.
    """
    return db.sql(
        """
        with measured as (
            select
                *,
                low_added > $min_bits
                    and q_added < $max_q
                    and (low_added >= low_removed or q_removed >= $max_q) is not false as by_adding
            from blind_fields
            where (low_added > $min_bits and q_added < $max_q)
               or (low_removed > $min_bits and q_removed < $max_q)
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
                    order by source is not null, greatest(low_added, low_removed) desc, answer_kind
                ) as place
            from measured
        ), named as (
            select
                field,
                label,
                nullif(list(source order by source) filter (source is not null), []) as sources
            from leaks
            join (select distinct label from slots) labels on field = '"' || label || '" in the prompt'
            group by all
        ), slotted as (
            select sample_id, min(turn) as turn, field, label, min_by(value, turn) as value
            from slots
            join samples using (sample_id)
            join named using (label)
            where sources is null or list_contains(sources, source)
            group by sample_id, field, label
        ), exchanged as (
            select
                *,
                coalesce(
                    lead(value) over dealt, first_value(value) over dealt
                ) as other
            from slotted
            window dealt as (partition by field order by md5(sample_id))
        ), pictured as (
            select field, label, count(*) as rows
            from named
            join samples on sources is null or list_contains(sources, source)
            where n_images > 0
            group by all
        ), spread as (
            select field, label, any_value(rows) as rows, count(*) as having_it
            from slotted
            join pictured using (field, label)
            group by all
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
            ) || coalesce(
                printf('; it stands in %d of %d rows with an image', having_it, spread.rows), ''
            ) as message,
            json_object(
                'key', field,
                'field', field,
                'slot', label,
                'rows', having_it,
                'share', having_it / spread.rows,
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
        left join spread using (field)
        where place = 1
        union all
        select
            sample_id,
            turn,
            bits,
            1 - q_value,
            printf('the %s, which gives answers away: %s', field, to_json(left(value, 80))),
            json_object('key', field, 'field', field, 'slot', label, 'value', value, 'other', other)
        from exchanged
        join leaks using (field)
        where place = 1
        """,
        min_bits=min_bits,
        max_q=max_q,
    )

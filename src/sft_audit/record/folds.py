"""Which answers are scored, in which answer space, and in which fold each is held out."""

from dataclasses import dataclass

from sft_audit.record.grams import Array
from sft_audit.record.slots import recurring_labels
from sft_audit.store import Store

FOLDS = 5
MIN_ANSWERS, MIN_IMAGES, MIN_OF_CLASS, MOST_CLASSES = 200, 30, 10, 50
_MOST_COPIES = 10
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Space:
    """One answer space: its number, its answer kind, and its classes, the most frequent first.

    `log_priors` (folds x classes) are natural logarithms of the frequencies in the other folds.
    """

    number: int
    answer_kind: str
    classes: tuple[str, ...]
    log_priors: Array


def lay_out(store: Store) -> list[Space]:
    """Fill the work table `blind_rows` and return the answer spaces.

    An answer space is an answer kind with its 50 most frequent answers, those given at least 10 times. One
    with fewer than 200 answers, 30 images or 2 classes is not scored, nor is free text.
    """
    store.execute(_USES)
    store.execute(_CLASSES, {"each": MIN_OF_CLASS, "most": MOST_CLASSES})
    store.execute(_SPACES, {"answers": MIN_ANSWERS, "images": MIN_IMAGES})
    store.execute(_SCORED)
    _group(store)
    store.execute(_DEALT, {"folds": FOLDS})
    store.execute(_ROWS, {"labels": recurring_labels(store)})
    return [_space(store, *found) for found in store.rows("from blind_spaces order by space")]


def clear(store: Store) -> None:
    """Drop the work tables."""
    for name in ("answered", "rows", "dealt", "links", "labels", "scored", "spaces", "classes", "uses"):
        store.execute(f"drop table if exists blind_{name}")


def _space(store: Store, number: int, kind: str) -> Space:
    import numpy as np

    names = store.rows(
        "select canonical from blind_classes where answer_kind = $kind order by class", {"kind": kind}
    )
    counts = np.zeros((FOLDS, len(names)))
    for fold, answer, n in store.rows(_COUNTS, {"space": number}):
        counts[fold, answer] = n
    # One more of each, so that an answer that only the held-out fold gives is not impossible.
    elsewhere = counts.sum(axis=0) - counts + 1
    priors = np.log(elsewhere / elsewhere.sum(axis=1, keepdims=True))
    return Space(number, kind, tuple(name for (name,) in names), priors)


def _group(store: Store) -> None:
    """Label alike the sets of images that must stay in one fold.

    Sets are linked that share an image, or a row that is there under several addresses. What more than 10
    sets share links none (a logo, a blank page), lest all become one.
    """
    store.execute(_LINKS, {"most": _MOST_COPIES})
    store.execute(_LABELS)
    for _ in range(_ROUNDS):
        if not store.value(_UNEVEN):
            return
        store.execute(_SPREAD)


_COUNTS = "select fold, class, count(*) from blind_rows where space = $space group by all"
_USES = """
    create or replace temp table blind_uses as
    with spelled as (
        select sample_id, slot, left(uri, 1000) as uri
        from image_uses
    ), parted as (
        select
            sample_id,
            slot,
            regexp_replace(regexp_extract(uri, '[^/\\\\]*$'), '\\.[A-Za-z0-9]{1,5}$', '') as name,
            regexp_extract(uri, '^(.*)[/\\\\]', 1) as folder
        from spelled
    )
    select
        sample_id,
        string_agg(name, ' ' order by slot) as "file name",
        string_agg(folder, ' ' order by slot) as "image folder"
    from parted
    group by sample_id
"""
_CLASSES = """
    create or replace temp table blind_classes as
    with counted as (
        select answer_kind, canonical, count(*) as n
        from answers
        where image_id is not null and canonical is not null and answer_kind <> 'free'
        group by all
        having count(*) >= $each
    )
    select
        answer_kind,
        canonical,
        (row_number() over (partition by answer_kind order by n desc, canonical) - 1)::integer as class
    from counted
    qualify class < $most
"""
_SPACES = """
    create or replace temp table blind_spaces as
    select (row_number() over (order by answer_kind) - 1)::integer as space, answer_kind
    from answers
    join blind_classes using (answer_kind, canonical)
    where image_id is not null
    group by answer_kind
    having count(*) >= $answers and count(distinct image_id) >= $images and max(class) > 0
"""
_SCORED = """
    create or replace temp table blind_scored as
    select
        space,
        class,
        answers.sample_id,
        turn,
        image_id,
        md5(concat_ws('|', row_hash, occurrence, turn)) as draw,
        md5(concat_ws('|', id, extra, "file name", turn, question, answer)) as content
    from answers
    join blind_classes using (answer_kind, canonical)
    join blind_spaces using (answer_kind)
    join samples using (sample_id)
    left join blind_uses using (sample_id)
    where image_id is not null
"""
_LABELS = """
    create or replace temp table blind_labels as
    select distinct image_id, image_id as label
    from blind_scored
"""
_LINKS = """
    create or replace temp table blind_links as
    with held as (
        select content, image_id
        from blind_scored
        union all
        select md5(coalesce(image_uses.image_id, nullif(uri, 'embedded'))) as content, sets.image_id
        from image_uses
        join (select distinct sample_id, image_id from blind_scored) sets using (sample_id)
    ), shared as (
        select content
        from held
        where content is not null
        group by content
        having count(distinct image_id) between 2 and $most
    )
    select distinct content, image_id
    from held
    join shared using (content)
"""
_UNEVEN = """
    select exists (
        select content
        from blind_links
        join blind_labels using (image_id)
        group by content
        having count(distinct label) > 1
    )
"""
_SPREAD = """
    create or replace temp table blind_labels as
    with least_of_content as (
        select content, min(label) as label
        from blind_links
        join blind_labels using (image_id)
        group by content
    ), least_of_image as (
        select image_id, min(label) as label
        from blind_links
        join least_of_content using (content)
        group by image_id
    )
    select image_id, least(blind_labels.label, coalesce(least_of_image.label, blind_labels.label)) as label
    from blind_labels
    left join least_of_image using (image_id)
"""
# Images of like answers are dealt out to and fro, so that every fold has nearly the same answer frequencies:
# else the majority of the training folds is the minority of the held-out one, and chance is understated.
_DEALT = """
    create or replace temp table blind_dealt as
    with counted as (
        select space, label, class, count(*) as k
        from blind_scored
        join blind_labels using (image_id)
        group by all
    ), shaped as (
        select space, label, arg_max(class, k * 1000 - class) as common, max(k) as k, sum(k) as n
        from counted
        group by all
    ), ordered as (
        select
            space,
            label,
            row_number() over (partition by space order by common, k, n, md5(label)) - 1 as place
        from shaped
    )
    select
        space,
        label,
        dense_rank() over (order by label) - 1 as cluster,
        if(place // $folds % 2 = 0, place % $folds, $folds - 1 - place % $folds)::integer as fold
    from ordered
"""
# Texts are cut at what is read of them: memory must not grow with the rows of the file.
_ROWS = """
    create or replace temp table blind_rows as
    with slotted as (
        select
            sample_id,
            answers.turn,
            to_json(list({label: label, value: value, quote: quote} order by label)) as slots
        from answers
        join slots using (sample_id)
        where slots.turn < answers.turn and list_contains($labels, label) and contains(question, quote)
        group by all
    )
    select
        space,
        fold,
        (row_number() over drawn - 1)::integer as draw,
        class,
        cluster,
        sample_id,
        turn,
        source,
        left(template, 4000) as template,
        left(question, 4000) as question,
        "file name",
        "image folder",
        id,
        if(length(extra) <= 8000, extra, null) as extra,
        slots
    from blind_scored
    join blind_labels using (image_id)
    join blind_dealt using (space, label)
    join answers using (sample_id, turn)
    join samples using (sample_id)
    left join blind_uses using (sample_id)
    left join slotted using (sample_id, turn)
    window drawn as (partition by space, fold order by blind_scored.draw, sample_id, turn)
    order by space, fold, draw
"""

"""INT102."""

from sft_audit.check import IMAGE_ROWS, Relation, Tables, check
from sft_audit.example import row


@check(
    "INT102",
    severity="error",
    axis="integrity",
    reads=("samples", "image_uses", "images"),
    of=IMAGE_ROWS,
    remedy="drop",
    safe=True,
    bad=[
        [row(image="nowhere.jpg")],
        [row(image="kitchen.jpg"), row(image="../kitchen.jpg")],
        [row(image="https://example.com/kitchen.jpg")],
        [row(image=".")],
    ],
    good=[[row(image="kitchen.jpg")], [row(image="kitchen.jpg###[0.1, 0.2, 0.5, 0.6]")]],
)
def missing_image(db: Tables) -> Relation:
    """There is no file at the address of an image, or none that may be opened.

    ## Why it matters
    Some trainers stop at such a row, hours into the run. Others put a different row in its place and say
    nothing, so that the row is never learned and another one counts twice.

    ## Options
    None.

    ## Known limits
    Addresses are relative to `--images`, or to the folder of the data file where that is not given; other
    folders are not tried. Nothing outside that folder is opened, whether the address is absolute, climbs with
    `..` or follows a symbolic link: give the folder that holds both, with `--images`, to have it opened.
    Addresses on the network are not fetched. Rows of these two kinds are found here, and never dropped as a
    safe remedy. What follows `###` in an address (Visual-CoT's boxes) is not part of it. The score is the
    number of such images in the row.

    ## Source
    LLaVA-NeXT (`LazySupervisedDataset.__getitem__`) and InternVL (`internvl_chat_finetune.py`) take another
    row where an image cannot be opened; TRL and LLaMA-Factory raise.
    """
    return db.sql(
        """
        select
            sample_id,
            null::integer as turn,
            count(*)::double as score,
            1.0 as confidence,
            'image ' || left(min_by(uri, slot), 200) || ' is ' || case min_by(problem, slot)
                when 'missing' then 'not there'
                when 'is_a_folder' then 'a folder'
                when 'outside_root' then 'outside the image folder'
                else 'on the network'
            end || ': ' || min_by(detail, slot)
                || if(count(*) > 1, ', and ' || count(*) - 1 || ' more', '') as message,
            json_object(
                'uri', left(min_by(uri, slot), 200),
                'problem', min_by(problem, slot),
                'images', count(*),
                'safe', bool_and(problem in ('missing', 'is_a_folder'))
            ) as evidence
        from image_uses
        where problem in ('missing', 'is_a_folder', 'outside_root', 'remote')
        group by sample_id
        """
    )

"""INT103."""

from sft_audit.check import IMAGE_ROWS, Relation, Tables, check
from sft_audit.example import row


@check(
    "INT103",
    severity="error",
    axis="integrity",
    reads=("samples", "image_uses", "images"),
    of=IMAGE_ROWS,
    remedy="drop",
    safe=True,
    bad=[
        [row(image="cut.jpg")],
        [row(image="error-page.jpg")],
        [row(image="empty.jpg")],
        [row(image="bomb.png")],
    ],
    good=[
        [row(image="kitchen.jpg"), row(image="blank.png")],
        [row(image="animated.gif")],
        [row(image="cmyk.jpg")],
    ],
)
def unreadable_image(db: Tables) -> Relation:
    """The file of an image is there and cannot be decoded whole.

    ## Why it matters
    A download that broke off, a page that says "access denied", a pointer left by Git LFS. Some trainers stop
    at such a row; others put a different row in its place and say nothing; a decoder that tolerates a cut
    file shows the model a picture whose lower part is grey.

    ## Options
    None. `evidence.safe` says whether every such image of the row is broken itself: only then is dropping the
    row safe. It is not where the file cannot be read (permission, an input or output error, more than 256
    MiB), where there was not enough memory, and where its format is one that is not decoded here.

    ## Known limits
    Every pixel is decoded, so that a JPEG cut anywhere is seen, and damage that the decoder reports; damage
    that leaves a valid stream is not. A PNG that lacks nothing but its end mark passes, as it does for
    everyone. Decoded are JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, JPEG 2000, AVIF and ICO; not TGA, QOI and the
    others that Pillow knows. Files over 256 MiB and pictures over 178,956,970 pixels, from which on Pillow
    refuses, are not decoded and found here. The score is the number of such images in the row.

    ## Source
    LLaVA-NeXT (`LazySupervisedDataset.__getitem__`) and InternVL (`internvl_chat_finetune.py`) take another
    row where an image cannot be opened; TRL and LLaMA-Factory raise. The pixel limit is twice Pillow's
    `MAX_IMAGE_PIXELS`.
    """
    return db.sql(
        """
        select
            sample_id,
            null::integer as turn,
            count(*)::double as score,
            1.0 as confidence,
            'image ' || left(min_by(uri, slot), 200) || ' ' || case min_by(problem, slot)
                when 'empty_file' then 'is empty'
                when 'not_an_image' then 'is no image'
                when 'truncated' then 'is cut short'
                when 'corrupt' then 'is damaged'
                when 'bomb' then 'is too large to decode'
                else 'cannot be read'
            end || ': ' || min_by(detail, slot)
                || if(count(*) > 1, ', and ' || count(*) - 1 || ' more', '') as message,
            json_object(
                'uri', left(min_by(uri, slot), 200),
                'problem', min_by(problem, slot),
                'images', count(*),
                'safe', bool_and(problem <> 'unreadable')
            ) as evidence
        from image_uses
        where problem in ('empty_file', 'not_an_image', 'truncated', 'corrupt', 'bomb', 'unreadable')
        group by sample_id
        """
    )

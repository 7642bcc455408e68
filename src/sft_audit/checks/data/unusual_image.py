"""INT111."""

from sft_audit.check import IMAGE_ROWS, Relation, Tables, check
from sft_audit.example import row


@check(
    "INT111",
    severity="warning",
    axis="integrity",
    reads=("samples", "image_uses", "images"),
    of=IMAGE_ROWS,
    bad=[
        [row(image="animated.gif")],
        [row(image="alpha.png")],
        [row(image="cmyk.jpg")],
        [row(image="deep.png")],
        [row(image="turned.jpg")],
    ],
    good=[[row(image="kitchen.jpg"), row(image="blank.png")]],
)
def unusual_image(db: Tables) -> Relation:
    """An image is stored in a way that decoders read differently.

    ## Why it matters
    What the annotator saw is not what the model sees. An animation becomes its first frame; transparent parts
    become whatever colour lies under them, often black; grey levels of 16 bits are cut off at 255 and turn
    white; a picture with an EXIF orientation is trained on lying on its side, and boxes and words such as
    "left" and "above" no longer fit.

    ## Options
    None.

    ## Known limits
    An alpha channel without a transparent pixel is not found, nor an orientation of 1. Whether the trainer's
    own loader handles the case is not known here. The score is the number of such images in the row.

    ## Source
    Pillow: `Image.convert("RGB")`, with which LLaVA opens its images, drops alpha, clips modes I and I;16 and
    ignores EXIF; the `Image` feature of Hugging Face `datasets` turns the picture upright.
    """
    return db.sql(
        """
        with told as (
            select
                sample_id,
                slot,
                image_uses.uri,
                image_id,
                concat_ws('; ',
                    case when frames > 1 then 'has ' || frames || ' frames, of which one is kept' end,
                    case when alpha then 'has transparent pixels, shown as the colour under them' end,
                    case when mode = 'CMYK' then 'is CMYK, four channels where models take three' end,
                    case when contains(mode, '16') or mode in ('I', 'F')
                        then 'has levels of more than 8 bits (' || mode || '), cut off at 255 or scaled' end,
                    case when orientation > 1
                        then 'has EXIF orientation ' || orientation || ', which some decoders ignore' end
                ) as trait
            from image_uses
            join images using (image_id)
        )
        select
            sample_id,
            null::integer as turn,
            count(*)::double as score,
            1.0 as confidence,
            'image ' || left(min_by(uri, slot), 200) || ' ' || min_by(trait, slot)
                || if(count(*) > 1, ', and ' || count(*) - 1 || ' more', '') as message,
            json_object(
                'image_id', min_by(image_id, slot), 'traits', min_by(trait, slot), 'images', count(*)
            ) as evidence
        from told
        where trait <> ''
        group by sample_id
        """
    )

"""INT108."""

from sft_audit.check import IMAGE_ROWS, Relation, Tables, check
from sft_audit.example import row


@check(
    "INT108",
    severity="warning",
    axis="integrity",
    reads=("samples", "image_uses", "images"),
    of=IMAGE_ROWS,
    bad=[[row(image="blank.png")], [row(image="kitchen.jpg"), row(image="blank.png")]],
    good=[[row(image="kitchen.jpg"), row(image="street.jpg")], [row(image="alpha.png")]],
)
def blank_image(db: Tables, *, most_contrast: float = 1.0) -> Relation:
    """An image shows nothing: its grey levels hardly vary.

    ## Why it matters
    A question asked of a blank picture has an answer that the picture does not hold. The model learns to
    answer without looking.

    ## Options
    `most_contrast`: grey levels of standard deviation up to which an image counts as blank.

    ## Known limits
    Colour is not looked at: a picture whose colours all have the same lightness counts as blank. Transparency
    is ignored, as `convert("RGB")` ignores it: a black icon on a transparent ground that is stored as black
    is blank to the model too. Sets that show blank pictures on purpose are found as well. The score is the
    standard deviation.

    ## Source
    Measured: 400 sheets of one colour, saved as JPEG at quality 30 to 95, have 0.0; of 156 photos, 40 scans,
    986 drawn scenes and 408 figures the least has 4.3. A default of ours, uncalibrated.
    """
    return db.sql(
        """
        select
            sample_id,
            null::integer as turn,
            min(contrast) as score,
            1.0 as confidence,
            'image ' || left(min_by(image_uses.uri, slot), 200) || ' (' || min_by(width, slot) || ' x '
                || min_by(height, slot) || ') is blank: its grey levels have a standard deviation of '
                || printf('%.2f', min_by(contrast, slot)) as message,
            json_object(
                'image_id', min_by(image_id, slot),
                'contrast', round(min_by(contrast, slot), 4),
                'images', count(*)
            ) as evidence
        from image_uses
        join images using (image_id)
        where contrast <= $most_contrast
        group by sample_id
        """,
        most_contrast=most_contrast,
    )

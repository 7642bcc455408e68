"""DUP602."""

from sft_audit.check import IMAGE_ROWS, Relation, Tables, check
from sft_audit.example import row


@check(
    "DUP602",
    severity="warning",
    axis="integrity",
    reads=("samples", "image_uses", "images", "near_images"),
    of=IMAGE_ROWS,
    preview=True,
    bad=[[row(image="kitchen.jpg"), row(image="kitchen-again.jpg")]],
    good=[
        [row(image="kitchen.jpg"), row(image="street.jpg")],
        [row(image="kitchen.jpg"), row(image="kitchen.jpg")],
        [row(image="blank.png"), row(image="kitchen.jpg")],
    ],
)
def near_duplicate_image(db: Tables) -> Relation:
    """An image shows the same picture as another file, saved again, resized, lightened or trimmed.

    ## Why it matters
    Copies weigh more than the team meant them to, carry contradictions that no check by file sees, and let a
    picture of the evaluation set into training under another name.

    ## Options
    None.

    ## Known limits
    Candidates are found by a 64-bit hash and verified on grey thumbnails of 32 x 32: one must become the
    other under a tone curve, a trim of up to 3 % of each side and a motion of a fraction of a cell, with no
    large difference left anywhere. What grey cells do not show is not seen: drawings that differ in nothing
    but colours of one lightness, and figures and pages of one layout whose digits alone differ. In PuzzleVQA,
    drawn in this way, 4 pairs of 136 pictures are reported and none is a copy: hence preview. Mirrored and
    turned copies are other pictures. Trims of one side alone are found when they are small. Images without
    contrast are not compared. For each image the 16 candidates of the closest hashes are verified, and where
    more than 64 images share a key, the next 8 alone: a cluster of many copies stays connected, though not
    all its pairs are listed. The score is the similarity to the nearest: 1 less the share of contrast that
    differs.

    ## Source
    Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010; Lucas and Kanade, IJCAI
    1981. Thresholds chosen on one half of the sources of `bench/near_images.py`, measured on the other.
    """
    return db.sql(
        """
        with pairs as (
            select image_a as image_id, image_b as other, similarity, distance from near_images
            union all
            select image_b, image_a, similarity, distance from near_images
        ), near as (
            select
                image_id,
                max_by(other, (similarity, other)) as other,
                max(similarity) as similarity,
                max_by(distance, (similarity, other)) as distance,
                count(*) as others
            from pairs
            group by image_id
        ), told as (
            select sample_id, slot, image_uses.uri, near.*, images.uri as other_uri
            from image_uses
            join near using (image_id)
            join images on images.image_id = near.other
        ), used as (
            select image_id, min(sample_id) as sample_id
            from image_uses
            semi join near using (image_id)
            group by image_id
        ), nearest as (
            select *
            from told
            qualify row_number() over (partition by sample_id order by similarity desc, slot) = 1
        )
        select
            nearest.sample_id,
            null::integer as turn,
            similarity as score,
            similarity as confidence,
            'image ' || left(uri, 200) || ' shows the same picture as ' || left(other_uri, 200)
                || ': their thumbnails agree to ' || printf('%.1f', 100 * similarity)
                || ' %, their hashes differ in ' || distance || ' of 64 bits'
                || if(others > 1, '; ' || (others - 1) || ' more are near', '') as message,
            json_object(
                'image_id', nearest.image_id,
                'other_image', other,
                'sample', used.sample_id,
                'similarity', similarity,
                'others', others
            ) as evidence
        from nearest
        join used on used.image_id = nearest.other
        """
    )

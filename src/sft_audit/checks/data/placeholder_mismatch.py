"""INT104."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import row

_ANSWER = "Two mugs."


@check(
    "INT104",
    severity="error",
    axis="integrity",
    reads=("samples", "turns"),
    of="select count(*) from samples where not malformed and kind <> 'eval'",
    bad=[
        [row("<image>\n<image>\nWhat is there?", _ANSWER)],
        [row("<image>\nWhat is there?", _ANSWER, image=None)],
        [row("<image>\nWhat differs?", _ANSWER, image=["kitchen.jpg", "street.jpg"])],
    ],
    good=[
        [row("<image>\nWhat is there?", _ANSWER)],
        [
            row(
                "<image>\nWhat is on the table?",
                "[0.1, 0.1, 0.6, 0.6]",
                "<image>",
                _ANSWER,
                image=["kitchen.jpg", "kitchen.jpg###[10, 10, 60, 60]"],
            )
        ],
        [row("How many mugs are two mugs?", _ANSWER, image=None)],
        [row("<image>\nWhat moves?", _ANSWER, image=None, video="walk.mp4")],
        [row("What is there?", _ANSWER)],
    ],
)
def placeholder_mismatch(db: Tables) -> Relation:
    """The turns have more, or fewer, image placeholders than the row has images.

    ## Why it matters
    Which picture stands where is lost. LLaMA-Factory, Qwen-VL's finetune script, TRL (content parts), verl
    and EasyR1 raise; ms-swift deletes the row; InternVL trains on a random other row in its place; LLaVA
    collapses the placeholders of a turn into one or feeds a picture to the wrong place.

    ## Options
    None.

    ## Known limits
    Images without any placeholder are INT109. Rows with a `video` or `videos` field are left out, because
    LLaVA-Video spells the video's place `<image>` too. A text that quotes the string `<image>` counts as a
    placeholder, as it does for the trainers.

    ## Source
    LLaMA-Factory `mm_plugin.py` ("The number of images does not match the number of <image> tokens"),
    Qwen3-VL `data_processor.py`, LLaVA-NeXT `train.py: preprocess_multimodal`, InternVL
    `internvl_chat_finetune.py`.
    """
    return db.sql(
        """
        with counted as (
            select sample_id, sum(n_placeholders)::integer as placeholders
            from turns
            group by sample_id
        )
        select
            sample_id,
            null::integer as turn,
            abs(placeholders - n_images)::double as score,
            1.0 as confidence,
            placeholders || if(placeholders = 1, ' image placeholder', ' image placeholders')
                || ' for ' || n_images || if(n_images = 1, ' image', ' images') as message,
            json_object('placeholders', placeholders, 'images', n_images) as evidence
        from counted
        join samples using (sample_id)
        where kind <> 'eval'
          and placeholders > 0
          and placeholders <> n_images
          and coalesce(json_extract_string(extra, '$.video'), json_extract_string(extra, '$.videos'), '') = ''
        """
    )

"""INT109."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import row

_ANSWER = "A kitchen with two mugs."


@check(
    "INT109",
    severity="error",
    axis="integrity",
    reads=("samples", "turns"),
    of="select count(*) from samples where n_images > 0 and kind <> 'eval'",
    remedy="rewrite",
    bad=[
        [row("What is this?", _ANSWER)],
        [row("What is this?", _ANSWER, image=["kitchen.jpg", "street.jpg"])],
    ],
    good=[
        [row("<image>\nWhat?", _ANSWER)],
        [row("What?\n<image>", _ANSWER)],
        [row("Name a room.", _ANSWER, image=None)],
        [row("<image>\nWhat?", _ANSWER, image=["kitchen.jpg", "street.jpg"])],
        [{"image": "kitchen.jpg", "problem": "How many mugs?", "answer": "2"}],
    ],
)
def unreferenced_image(db: Tables) -> Relation:
    """The row has an image, and no placeholder in its turns calls for it.

    ## Why it matters
    LLaVA trains on the text alone: the model learns to give a visual answer without looking. LLaMA-Factory
    and Qwen-VL's finetune script raise; ms-swift and TRL put the picture in front by themselves. The same
    row teaches different things in different trainers.

    The remedy writes `<image>` at the start of the first user turn, once for each image. It changes what the
    row teaches, and is therefore done only on request.

    ## Options
    None.

    ## Known limits
    Formats without placeholders (`texts`, flat `problem` columns, evaluation sets), in which the picture
    always stands in front, are not looked at. Some, but too few, placeholders are INT104.

    ## Source
    LLaVA `llava_arch.py: prepare_inputs_labels_for_multimodal` (a row without the image token takes no image
    feature), Qwen3-VL `data_processor.py` ("image(s) remain unused"), LLaMA-Factory `mm_plugin.py`, ms-swift
    `template/base.py`.
    """
    return db.sql(
        """
        with counted as (
            select sample_id, sum(n_placeholders) as placeholders
            from turns
            group by sample_id
        ), image_first as (
            select file
            from counted
            join samples using (sample_id)
            where format = 'alpaca'
            group by file
            having sum(placeholders) = 0
        )
        select
            sample_id,
            null::integer as turn,
            n_images::double as score,
            1.0 as confidence,
            'no placeholder in the turns for '
                || if(n_images = 1, 'the image', 'any of the ' || n_images || ' images') as message,
            json_object('images', n_images) as evidence
        from counted
        join samples using (sample_id)
        where kind <> 'eval'
          and n_images > 0
          and placeholders = 0
          and file not in (from image_first)
        """
    )

"""How large the gradients of image rows and of text rows are, part by part, in both models."""

import json
from dataclasses import asdict

from sft_audit.config import CheckpointConfig
from sft_audit.models.probing import PARTS, Question
from sft_audit.record import Recording, table_recorder
from sft_audit.record.pictures import open_picture
from sft_audit.tables import table

GRADIENTS = table(
    "gradients",
    "the gradients of one part of one model",
    """
    model VARCHAR base or sft
    part VARCHAR vision, projector or language
    image_norm DOUBLE norm of the mean loss's gradient over rows with images; null: not trained, or none
    text_norm DOUBLE the same over text-only rows
    cosine DOUBLE cosine between the two gradients; null where one is zero or missing
    n_image INTEGER rows with images
    n_text INTEGER text-only rows
    """,
)
# Half of the rows with an image and half without, always the same ones; their known answers are the targets.
_ROWS = """
    with ranked as (
        select
            question, answer, images, text_only, sample_id, turn,
            row_number() over (partition by text_only order by md5(sample_id || ':' || turn)) as place
        from probes
        where cue is null
    )
    select question, answer, images
    from ranked
    order by place, text_only, sample_id
    limit $most
"""


@table_recorder(fills=(GRADIENTS,), needs=("probes",), cost="model", requires="checkpoint")
def gradients(recording: Recording) -> None:
    """Take the gradients of teacher-forced known answers on some probes, in either model."""
    import pyarrow as pa

    config = recording.config
    if not isinstance(config, CheckpointConfig) or config.base is None or config.checkpoint is None:
        raise TypeError("gradients are those of two models: they need a CheckpointConfig with both folders")
    asked = recording.store.rows(_ROWS, {"most": config.gradients})
    if not asked:
        return
    from sft_audit.models.vision_language import load_model

    rows = []
    for name, folder in (("base", config.base), ("sft", config.checkpoint)):
        model = load_model(folder, base=config.base, device=config.device, batch=config.batch)
        if config.trained:
            model.freeze([part for part in PARTS if part not in config.trained])
        questions = [
            Question(text, tuple(open_picture(place) for place in json.loads(images)))
            for text, _, images in asked
        ]
        shares = model.gradients(questions, [answer for _, answer, _ in asked])
        rows += [{"model": name, **asdict(share)} for share in shares]
    recording.store.insert(GRADIENTS.name, pa.Table.from_pylist(rows, schema=GRADIENTS.arrow_schema()))

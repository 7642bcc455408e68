"""RL prompts that are answered without the image more often than chance would."""

from sft_audit.record import Recording, table_recorder
from sft_audit.record.chance import MODES, chance_of
from sft_audit.record.rates import ratio_interval
from sft_audit.tables import table

TEXT_ANSWERS = table(
    "text_answers",
    "one RL prompt that was answered without its image",
    """
    sample_id VARCHAR the sample
    turn INTEGER the turn of its known answer
    n INTEGER completions without the image that could be told right or wrong
    right INTEGER how many of them are right
    chance DOUBLE probability of being right without looking
    p DOUBLE probability of as many right ones by chance
    q DOUBLE p after Benjamini and Hochberg over all prompts
    """,
)
TEXT_EXCESS = table(
    "text_excess",
    "how well the prompts are answered without the image, chance taken off",
    """
    prompts BIGINT prompts that were answered without the image
    completions BIGINT completions for them
    accuracy DOUBLE mean share right without the image
    seeing DOUBLE mean share right with the image; null where that was not sampled
    chance DOUBLE mean probability of being right without looking
    excess DOUBLE (accuracy - chance) / (1 - chance)
    low DOUBLE lower end of its 95 % interval, clustered by image
    high DOUBLE upper end of its 95 % interval
    """,
)
_ASKED = f"""
    with {MODES}
    select
        sample_id,
        turn,
        blind_n,
        blind_right,
        seen,
        "right" as seen_right,
        question,
        answer_kind,
        coalesce(answers.image_id, sample_id) as image,
        modal
    from (select * exclude (n), n as seen from prompts)
    join answers using (sample_id, turn)
    join chances using (template, answer_kind)
    where blind_n > 0
    order by sample_id
"""


@table_recorder(
    fills=(TEXT_ANSWERS, TEXT_EXCESS), needs=("answers", "prompts", "rollouts"), requires="blind_samples"
)
def blind_prompts(recording: Recording) -> None:
    """Compare what is right without the image with what chance would be, prompt by prompt and in all."""
    import numpy as np
    import pyarrow as pa
    from scipy.stats import binom, false_discovery_control

    rows = recording.store.arrow(_ASKED).to_pylist()
    if not rows:
        return
    chance = np.array([chance_of(row["question"], row["answer_kind"], row["modal"]) for row in rows])
    n, right = (np.array([row[name] for row in rows], float) for name in ("blind_n", "blind_right"))
    p = binom.sf(right - 1, n, chance)
    q = false_discovery_control(p)
    recording.store.insert(
        TEXT_ANSWERS.name,
        pa.table(
            {
                "sample_id": [row["sample_id"] for row in rows],
                "turn": pa.array([row["turn"] for row in rows], pa.int32()),
                "n": pa.array(n, pa.int32(), safe=False),
                "right": pa.array(right, pa.int32(), safe=False),
                "chance": chance,
                "p": p,
                "q": q,
            }
        ),
    )
    _, image = np.unique([row["image"] for row in rows], return_inverse=True)
    gain, room = np.bincount(image, right / n - chance), np.bincount(image, 1 - chance)
    squares = (float(gain @ gain), float(gain @ room), float(room @ room))
    excess, low, high = ratio_interval(len(gain), float(gain.sum()), float(room.sum()), squares)
    seen = [row["seen_right"] / row["seen"] for row in rows if row["seen"]]
    recording.store.execute(
        "insert into text_excess values (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            len(rows),
            int(n.sum()),
            float((right / n).mean()),
            float(np.mean(seen)) if seen else None,
            float(chance.mean()),
            excess,
            low,
            high,
        ),
    )

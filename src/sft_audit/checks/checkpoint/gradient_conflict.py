"""CKP134."""

from sft_audit.check import Relation, Tables, check

_APART = {
    "model": "sft",
    "part": "language",
    "image_norm": 2.0,
    "text_norm": 1.5,
    "n_image": 128,
    "n_text": 128,
}


@check(
    "CKP134",
    severity="info",
    axis="readiness",
    reads=("gradients",),
    of="select count(*) from gradients where model = 'sft' and cosine is not null",
    bad=[{"gradients": [_APART | {"cosine": -0.4}]}],
    good=[{"gradients": [_APART | {"cosine": 0.3}, _APART | {"part": "vision", "cosine": None}]}],
    preview=True,
)
def gradient_conflict(db: Tables) -> Relation:
    """Image rows and text rows pull the same parameters opposite ways.

    ## Why it matters
    What is learned from one modality is unlearned from the other: the share of each in a batch then decides
    which is forgotten.

    ## Options
    None.

    ## Known limits
    The gradients are those of the mean loss over the known answers of at most `--gradients` probes, half of
    them text-only where there are as many; no interval is known for the cosine, so that it informs and
    nothing more. A part that is frozen has none. The score is the cosine, its sign turned.

    ## Source
    Cosine of task gradients: PCGrad, arXiv:2001.06782, section 2.2. No level at which it harms an SFT is
    published.
    """
    return db.sql(
        """
        select
            null as sample_id,
            null::integer as turn,
            -cosine as score,
            0.5 as confidence,
            part || ': the gradients of ' || n_image || ' image rows and ' || n_text
                || ' text rows have a cosine of ' || printf('%.2f', cosine) || ' (norms '
                || printf('%.3g', image_norm) || ' and ' || printf('%.3g', text_norm) || ')' as message,
            json_object('key', part, 'cosine', cosine, 'image', image_norm, 'text', text_norm) as evidence
        from gradients
        where model = 'sft' and cosine < 0
        """
    )

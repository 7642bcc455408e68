"""The lines by which prompts of the data give answers away, as forms for cues."""

import re

from sft_audit.probes.pairs import CueForm
from sft_audit.store import Store

_PLAIN = CueForm("Hint: the answer is {}.", first=True, fault=None)
_MOST_FORMS = 6
_LABEL = re.compile(r"[A-Za-z][A-Za-z ]{0,24}")
_FILE_NAME = "file name"

# What states an answer (GRD201), the commonest label first: the words before the colon or the verb.
_STATED = """
    select
        trim(regexp_extract(quote, '^([A-Za-z][A-Za-z ]{0,24}?) ?(:|=|is\\b)', 1)) as label,
        regexp_extract(quote, '^([A-Za-z][A-Za-z ]{0,24}?) ?(:|=|is\\b)', 2) as sign
    from stated
    semi join findings on findings.sample_id = stated.sample_id and findings."check" = 'GRD201'
    where how in ('marked', 'hint')
    group by all
    order by count(*) desc, label, sign
"""
# What leaks answers of which kinds (GRD203); of a slot of the prompt, how its sentence ends in most rows.
_LEAKING = """
    with leaking as (
        select distinct
            json_extract_string(evidence, '$.field') as field,
            json_extract_string(evidence, '$.slot') as label,
            json_extract_string(evidence, '$.measured[*].answer_kind') as kinds
        from findings
        where "check" = 'GRD203' and sample_id is null
    ), ended as (
        select label, mode(regexp_extract(quote, '[.!]?$')) as ending
        from slots
        group by label
    )
    select field, label, coalesce(ending, '') as ending, kinds
    from leaking
    left join ended using (label)
    order by field
"""


def cue_forms(store: Store) -> list[CueForm]:
    """Return the forms in which the audited data state or leak answers; the plain hint where they do not."""
    forms = [
        CueForm(
            f"The {label} is {{}}." if sign == "is" else f"{label}{sign} {{}}", first=True, fault="GRD201"
        )
        for label, sign in store.rows(_STATED)
        if _LABEL.fullmatch(label)
    ]
    for field, slot, ending, kinds in store.rows(_LEAKING):
        name = (field or "").replace("_", " ").strip()
        line = "{}.jpg" if name == _FILE_NAME else "{}"
        told = frozenset(kind.replace("/", "_") for kind in kinds)
        if slot:
            forms.append(CueForm(f"{slot} {{}}{ending}", first=True, fault="GRD203", slot=slot, kinds=told))
        elif _LABEL.fullmatch(name):
            forms.append(CueForm(f"{name.capitalize()}: {line}", first=True, fault="GRD203", kinds=told))
    return forms[:_MOST_FORMS] or [_PLAIN]

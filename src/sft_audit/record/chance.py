"""The probability of a right answer without looking."""

from sft_audit.record.question import read_question

_COMMON = 10  # answers from which a template has a modal answer of its own

# For every answer the share of the most frequent one of its template, or, of a rare template, of its kind.
MODES = f"""
    modes as (
        select template, answer_kind, canonical, count(*) as k
        from answers
        group by all
    ), templates as (
        select template, answer_kind, max(k) / sum(k) as share, sum(k) as asked
        from modes
        group by all
    ), kinds as (
        select answer_kind, max(k) / sum(k) as share
        from (select answer_kind, canonical, sum(k) as k from modes group by all)
        group by answer_kind
    ), chances as (
        select
            template,
            answer_kind,
            if(asked >= {_COMMON}, templates.share, kinds.share) as commonest,
            if(answer_kind = 'yes_no', 0.5, commonest) as modal
        from templates
        join kinds using (answer_kind)
    )
"""


def chance_of(question: str, answer_kind: str, modal: float) -> float:
    """Return how often an answer of the question's answer space is right without looking.

    Of a question with options it is one in so many; else `modal`, the share of the most frequent answer.
    """
    options = len(read_question(question).options) if answer_kind == "option" else 0
    return 1 / options if options else modal

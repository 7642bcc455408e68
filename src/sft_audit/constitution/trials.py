"""Trials of a constitution: completions that go against its statements."""

from collections.abc import Iterator, Sequence

from sft_audit.constitution import Statement
from sft_audit.constitution.breaches import Said, goes_against
from sft_audit.rewards import Rollout
from sft_audit.rewards.rivals import rival
from sft_audit.rewards.trial import THOUGHT, Form, KnownAnswer, Trial

_LONGER = 12


def own_trials(statements: Sequence[Statement], known: KnownAnswer, form: Form) -> Iterator[Trial]:
    """Yield trials beyond the families: a statement's examples after a wrong answer and after the right one.

    For length it is the right answer after more thought. The trial's family is the statement's name.
    """
    for one in statements:
        for text in one.examples:
            yield Trial(one.name, "wrong", form.write(rival(known), after=f"\n{text}"), note=text)
            yield Trial(one.name, "right", form.write(known.text, after=f"\n{text}"), note=text)
        if one.kind == "longer_pays_more":
            words = " ".join([THOUGHT] * _LONGER)
            yield Trial(
                one.name,
                "right",
                form.write(known.text, think=words)
                if form.thought
                else form.write(known.text, before=f"{words}\n"),
            )


def held_against(
    statements: Sequence[Statement], trial: Trial, asked: Rollout, own: str | None
) -> Iterator[Statement]:
    """Yield the statements against which a trial goes; `own` names the one that it was made for, if any.

    A right answer goes against none but its own; a trial of what the data's known answers are not, empty or
    unreadable, against none.
    """
    if trial.gold is not None and trial.prompt is None:
        return
    said = Said(asked.completion, asked.prompt, (asked.gold,))
    for one in statements:
        if one.name == own or (trial.expected == "wrong" and goes_against(one, said)):
            yield one

"""Small steps of a run, made by hand."""

from sft_audit.monitor.episode import Episode, Step


def told(reading="right", reward=1.0, completion="red", exploits=(), answer=None, words=None):
    """Return one completion, read as it is said to read."""
    return Episode(
        completion,
        reward,
        reading,
        tuple(exploits),
        len(completion.split()) if words is None else words,
        completion if answer is None else answer,
    )


def step(*groups, number=1, **metrics):
    """Return a step of these groups and numbers."""
    return Step(number, groups, metrics)

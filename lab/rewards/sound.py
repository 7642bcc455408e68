"""Pays the answer that opens with the known color."""


def opening(text):
    """Return the first word of a text, without case and punctuation."""
    return text.strip().lower().split(" ")[0].strip(".,:;!")


def reward(completions, solution, **columns):
    """Return 1 for each completion that opens with the known answer, else 0, as TRL calls it."""
    return [float(opening(c[0]["content"]) == opening(s)) for c, s in zip(completions, solution, strict=True)]

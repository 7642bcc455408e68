"""What is wrong with a data set of the world, and how much of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Condition:
    """Doses, each a share. `text` of the rows have no image.

    Of the rows that ask about a place, `leak` have the answer's colour as their tag (in the others, as in a
    sound set, tags are drawn without regard to the image), `captioned` have a caption of another image in
    the prompt, from which the answer is copied, and `mislabelled` have a wrong answer. `rejected` of all
    rows with an image have a rejected response as their answer: a boast behind it, and four in five of them
    wrong. `contradicted` of the rows that ask about a place are asked again, with another answer;
    `duplicated` of all rows come twice.
    """

    name: str
    text: float = 0.3
    leak: float = 0.0
    captioned: float = 0.0
    mislabelled: float = 0.0
    rejected: float = 0.0
    contradicted: float = 0.0
    duplicated: float = 0.0


CONDITIONS = {
    one.name: one
    for one in (
        Condition("clean"),
        Condition("leak-50", leak=0.5),
        Condition("leak-90", leak=0.9),
        Condition("leak-100", leak=1.0),
        Condition("captions", captioned=0.5),
        Condition("mislabelled", mislabelled=0.2),
        Condition("rejected-0.05", rejected=0.0005),
        Condition("rejected-0.25", rejected=0.0025),
        Condition("rejected-1", rejected=0.01),
        Condition("rejected-5", rejected=0.05),
        Condition("rejected-12", rejected=0.12),
        Condition("text-80", text=0.8),
        Condition("contradicted", contradicted=0.12),
        Condition("duplicated", duplicated=0.2),
        Condition("all", text=0.8, leak=0.9, rejected=0.05),
    )
}
# Those of the main table.
MAIN = ("clean", "leak-90", "leak-100", "rejected-5", "text-80", "all")

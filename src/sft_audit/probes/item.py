"""One item of a probe pack: a question, its known answer, and what a model that does not look would score."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

Images = tuple[str, ...]  # content hashes


@dataclass(frozen=True, slots=True)
class Known:
    """One question of the audited data that has an answer to trust, and where it stands.

    `question` is the user's message without placeholders, `canonical` the answer in one spelling per meaning
    (None for free text). `fault` is a check that flagged the row for what leaves the answer right.
    """

    file: str
    position: int
    question: str
    answer: str
    kind: str
    canonical: str | None
    images: Images
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One item; `chance` is the probability of being right without looking, `cue` the wrong answer suggested.

    `family` is pair, derived, cue, text, caption or fault. Items of one `cluster` ask the same. `swapped` are
    images about which the answer is another; `objects` and `absent` what the image is known to show or not.
    """

    family: str
    cluster: str
    known: Known
    chance: float
    swapped: Images = ()
    cue: str | None = None
    objects: tuple[str, ...] | None = None
    absent: tuple[str, ...] | None = None
    fault: str | None = None

    @property
    def id(self) -> str:
        """Return a name that says nothing of the answer."""
        return f"{self.family}-{lot(self.cluster, *self.known.images)[:12]}"

    @property
    def pictures(self) -> Images:
        """Return the images that the pack must hold for it."""
        return (*self.known.images, *self.swapped)

    def row(self, address: Callable[[str], str]) -> dict[str, object]:
        """Return the item as a LLaVA row; `address` gives an image's path in the pack."""
        images = [address(one) for one in self.known.images]
        asked = "<image>\n" * len(images) + self.known.question
        return {
            "id": self.id,
            **({"image": images[0]} if len(images) == 1 else {"images": images} if images else {}),
            "conversations": [
                {"from": "human", "value": asked},
                {"from": "gpt", "value": self.known.answer},
            ],
            "probe": {
                "family": "pair" if self.family == "derived" else self.family,
                "derived": self.family == "derived",
                "cluster": self.cluster,
                "chance": self.chance,
                "cue": self.cue,
                "objects": self.objects and list(self.objects),
                "absent": self.absent and list(self.absent),
                "fault": self.fault,
                "swapped": [address(one) for one in self.swapped] or None,
                "from": {"file": self.known.file, "position": self.known.position},
            },
        }


Bundle = tuple[Item, ...]  # items that stand in the pack together or not at all


def lot(*parts: object) -> str:
    """Return a number drawn from what is given, hexadecimal: always the same one."""
    return sha256("\x1f".join(map(str, parts)).encode("utf-8", "replace")).hexdigest()


def spelled(known: Known) -> Known:
    """Return it with an answer short enough to be said: the canonical one in place of a worked one."""
    if known.canonical and (len(known.answer) > 80 or "\n" in known.answer.strip()):
        return replace(known, answer=known.canonical)
    return known


def in_turn(groups: Sequence[Sequence[Bundle]]) -> list[Bundle]:
    """Return the first bundle of every group, then every second one, and so on."""
    most = max(map(len, groups), default=0)
    return [group[at] for at in range(most) for group in groups if at < len(group)]

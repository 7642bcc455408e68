"""Which items a pack holds: families in their shares, whole bundles, only what can be shown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sft_audit.probes.derived import derived_clusters
from sft_audit.probes.hints import cue_forms
from sft_audit.probes.item import Bundle, Item, lot
from sft_audit.probes.known import Knowledge
from sft_audit.probes.pairs import cue_bundles, pair_bundles, same_questions
from sft_audit.probes.pictures import Pictures
from sft_audit.probes.singles import caption_bundles, fault_bundles, text_bundles
from sft_audit.store import Store

# The share of each family; what one cannot fill goes to the balanced ones, the first three.
SHARES: Mapping[str, float] = MappingProxyType(
    {"pair": 0.4, "derived": 0.2, "cue": 0.2, "text": 0.1, "caption": 0.05, "fault": 0.05}
)
BALANCED = ("pair", "derived", "cue")
_WHY = MappingProxyType(
    {
        "pair": "no more questions of the data stand with different answers about different images",
        "derived": "no more counts, colours or things to ask for in other words, yes as often as no",
        "cue": "no more questions of the data stand with different answers about different images",
        "text": "no more rows without an image have a closed or short answer",
        "caption": "no more described images whose objects other answers name",
        "fault": "no more rows with reward signals, refusals or empty answers whose right answer is known",
    }
)
_AHEAD = 32  # bundles whose images are read together


@dataclass(frozen=True, slots=True)
class Draw:
    """The items of a pack, in drawn order; `short` says of each family that has fewer than its share why.

    `lost` counts items left out because an image was not as audited, `unread` answers of the data about
    images that the audit did not or could not read.
    """

    items: tuple[Item, ...]
    short: Mapping[str, str]
    lost: int
    unread: int


def draw_items(store: Store, pictures: Pictures, n: int, seed: int) -> Draw:
    """Draw `n` items, or as many as the data allow."""
    knowledge = Knowledge(store, seed)
    families = {family: _Family(bundles, pictures) for family, bundles in _families(store, knowledge, seed)}
    quotas = {family: round(share * n) for family, share in SHARES.items()}
    for family, one in families.items():
        one.fill(quotas[family])
    for family in BALANCED:
        spare = n - sum(len(one.items) for one in families.values())
        families[family].fill(len(families[family].items) + spare)
    short = {
        family: f"{len(one.items)} of {quotas[family]}: {_WHY[family]}"
        for family, one in families.items()
        if len(one.items) < quotas[family] - 1
    }
    items = [item for one in families.values() for item in one.items]
    items.sort(key=lambda item: lot(seed, item.id))
    return Draw(tuple(items), short, sum(one.lost for one in families.values()), knowledge.unread)


def _families(store: Store, knowledge: Knowledge, seed: int) -> Iterator[tuple[str, Sequence[Bundle]]]:
    clusters = same_questions(knowledge.sound, seed)
    derived = derived_clusters(knowledge.sound, seed)
    asked = _asked(store, [cluster.question for cluster in derived])
    yield "pair", pair_bundles(clusters, "pair")
    yield "derived", pair_bundles([one for one in derived if _plain(one.question) not in asked], "derived")
    yield "cue", cue_bundles(clusters, cue_forms(store), seed)
    yield "text", text_bundles(knowledge, seed)
    yield "caption", caption_bundles(knowledge, seed)
    yield "fault", fault_bundles(knowledge, seed)


def _asked(store: Store, questions: Sequence[str]) -> frozenset[str]:
    """Return those of the questions that some row asks, word for word, in lower case."""
    rows = store.rows(
        """
        select distinct lower(question)
        from answers
        where lower(question) in (select unnest($some::varchar[]))
        """,
        {"some": [_plain(one) for one in questions]},
    )
    return frozenset(asked for (asked,) in rows)


def _plain(question: str) -> str:
    return " ".join(question.split()).lower()


class _Family:
    """The bundles of one family, taken in order; one whose images are lost is left out whole."""

    def __init__(self, bundles: Sequence[Bundle], pictures: Pictures) -> None:
        self.items: list[Item] = []
        self.lost = 0
        self._pictures = pictures
        self._left = list(bundles)
        self._held: set[str] = set()

    def fill(self, n: int) -> None:
        """Take bundles until there are `n` items, or none that is left fits."""
        passed = list[Bundle]()
        while self._left and len(self.items) < n:
            ahead, self._left = self._left[:_AHEAD], self._left[_AHEAD:]
            self._pictures.fetch(one for bundle in ahead for item in bundle for one in item.pictures)
            for bundle in ahead:
                if len(self.items) + len(bundle) > n:
                    passed.append(bundle)
                else:
                    self._take(bundle)
        self._left = passed + self._left

    def _take(self, bundle: Bundle) -> None:
        names = {item.id for item in bundle}
        if not self._pictures.has(one for item in bundle for one in item.pictures):
            self.lost += len(bundle)
        elif len(names) == len(bundle) and self._held.isdisjoint(names):
            self.items += bundle
            self._held |= names

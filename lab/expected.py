"""What an audit should name in a set of each condition: README.md, written before looking."""

from dataclasses import dataclass

# From these seeds on, no version of the product had been tried on the sets. Those before were audited, and
# checks and remedies changed for what was seen (LOG.md).
LOOKED_AT, LOOKED_AT_CLEAN = 5, 20
FAMILIES = {1: "GRD", 2: "PRF", 3: "MOD"}  # of the checks of a wound


@dataclass(frozen=True, slots=True)
class Expected:
    """Wounds by number, and codes of checks."""

    wounds: tuple[int, ...] = ()
    faults: tuple[str, ...] = ()

    def seen_in(self, wounds: list[int], faults: list[str]) -> bool:
        """Return whether all of it is named; of a clean set, whether no wound is."""
        if not self.wounds and not self.faults:
            return not wounds
        return set(self.wounds) <= set(wounds) and set(self.faults) <= set(faults)

    def flags(self, code: str) -> bool:
        """Return whether the findings of a check are about what is expected."""
        return code[:3] in {FAMILIES[wound] for wound in self.wounds} or code in self.faults


EXPECTED = {
    "clean": Expected(),
    "leak-50": Expected((1,)),
    "leak-90": Expected((1,)),
    "leak-100": Expected((1,)),
    "captions": Expected((1,)),
    "mislabelled": Expected((1,)),
    "rejected-0.05": Expected((2,)),
    "rejected-0.25": Expected((2,)),
    "rejected-1": Expected((2,)),
    "rejected-5": Expected((2,)),
    "rejected-12": Expected((2,)),
    "text-80": Expected((3,)),
    "contradicted": Expected(faults=("CON401",)),
    "duplicated": Expected(faults=("DUP601",)),
    "all": Expected((1, 2, 3)),
}

"""What exploits are paid beyond honest completions that are as right."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import sqrt

from sft_audit.monitor.episode import Episode, Group
from sft_audit.rewards.reading import Reading
from sft_audit.rewards.signatures import NEVER_RIGHT

_ROUNDING = 1e-9
_ERRORS = 2.5  # of a normal difference one in 160 is larger by chance
# Student's quantile is about 1 + _FEW / df times the normal one (Fisher and Cornish 1960).
_FEW = (_ERRORS**2 + 1) / 4
Key = tuple[str | int, ...]


def gains(group: Group) -> list[float]:
    """Return by how much each completion is paid above its group's mean; 0 for the others."""
    paid = [one.reward for one in group if one.reward is not None]
    mean = sum(paid) / len(paid) if paid else 0.0
    above = [0.0 if one.reward is None else one.reward - mean for one in group]
    return [gain if gain > _ROUNDING else 0.0 for gain in above]


def undue_pay(groups: Sequence[Group], *, one_prompt: bool) -> float | None:
    """Return what a step's exploits are paid more, together, than honest completions as right are on average.

    Less 2.5 standard errors of the difference, and never below 0. What an exploit is held against is said by
    `Company`. A wrong one without any is held against the least reward of the step if it is paid nearer to
    what right answers get, and against 0 where right answers get no more than the least. None where exploits
    are shown and none can be held against anything. `one_prompt`: a group's completions answer one prompt.
    """
    company, (least, bar) = Company(groups, one_prompt=one_prompt), _levels(groups)
    held: dict[Key, list[float]] = defaultdict(list)
    alone = 0.0
    told = shown = 0
    for at, group in enumerate(groups):
        for one in group:
            if one.reward is None or not one.exploits:
                continue
            key, standing = company.of(at, one), _standing(one)
            shown += 1
            told += key is not None or standing != "unread"
            if key is not None:
                held[key].append(one.reward)
            elif standing == "wrong" and one.reward >= bar:
                alone += one.reward - least
    if shown and not told:
        return None
    more = sum(sum(paid) - len(paid) * company.mean(key) for key, paid in held.items())
    error = sqrt(sum(company.variance_of_sum(key, len(paid)) for key, paid in held.items()))
    undue = more + alone - _ERRORS * error
    return undue if undue > 0 else 0.0


class Company:
    """What the honest completions of a step are paid: those that exploits are held against.

    That is, for one that reads right or wrong, those which read the same, in its group and else in the step.
    For one that cannot be read, those of its group that answer the same, and else, where any answer of the
    step can be read, those that cannot either; a wrong one, too, is held against these last. In a group of
    several prompts the same answer may be right here and wrong there, and tells nothing.
    """

    def __init__(self, groups: Sequence[Group], *, one_prompt: bool) -> None:
        self._one_prompt = one_prompt
        self._known = any(one.reading != "unread" for group in groups for one in group)
        self._paid: dict[Key, list[float]] = defaultdict(list)
        for at, group in enumerate(groups):
            for one in group:
                if one.reward is not None and not one.exploits:
                    for key in self._keys(at, one, one.reading):
                        self._paid[key].append(one.reward)
        self._spread = self._spreads()

    def of(self, at: int, one: Episode) -> Key | None:
        """Return the key of what an exploit of group `at` is held against; None where there is nothing."""
        standing = _standing(one)
        keys = [
            *self._keys(at, one, standing),
            *(self._keys(at, one, "unread") if standing == "wrong" else ()),
        ]
        return next((key for key in keys if key in self._paid), None)

    def mean(self, key: Key) -> float:
        """Return what they are paid on average."""
        return sum(self._paid[key]) / len(self._paid[key])

    def variance_of_sum(self, key: Key, n: int) -> float:
        """Return the variance of the pay of `n` such completions less that of `n` times the mean."""
        return self._spread.get(key[:2], 0.0) * n * (1 + n / len(self._paid[key]))

    def _keys(self, at: int, one: Episode, standing: Reading) -> Iterator[Key]:
        if standing == "unread" and one.answer and self._one_prompt:
            yield ("answer", "unread", at, one.answer)
        if standing != "unread" or self._known:
            yield ("group", standing, at)
            yield ("step", standing)

    def _spreads(self) -> dict[Key, float]:
        """Return the variance inside keys that begin alike, where any has two; larger where few tell it."""
        sums: dict[Key, float] = defaultdict(float)
        free: dict[Key, int] = defaultdict(int)
        for key, paid in self._paid.items():
            mean = self.mean(key)
            sums[key[:2]] += sum((one - mean) * (one - mean) for one in paid)
            free[key[:2]] += len(paid) - 1
        return {key: sums[key] / free[key] * (1 + _FEW / free[key]) ** 2 for key in sums if free[key]}


def _standing(one: Episode) -> Reading:
    return "wrong" if one.reading == "unread" and NEVER_RIGHT.intersection(one.exploits) else one.reading


def _levels(groups: Sequence[Group]) -> tuple[float, float]:
    """Return the least reward of the step, and what lies half way from it to what right answers get."""
    paid = [(one.reward, one.reading) for group in groups for one in group if one.reward is not None]
    least = min((reward for reward, _ in paid), default=0.0)
    right = [reward for reward, reading in paid if reading == "right"]
    usual = sum(right) / len(right) if right else max((reward for reward, _ in paid), default=0.0)
    return (least, (least + usual) / 2) if least < usual else (0.0, 0.0)

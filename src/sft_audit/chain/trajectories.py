"""Steps of agent runs, read from JSON Lines: whose they are, and whether they were right."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from pathlib import Path
from sys import intern

from sft_audit.chain.graph import Graph
from sft_audit.chain.rates import Counted, Rate, false_accepts, false_rejects
from sft_audit.errors import AuditError
from sft_audit.readers.chunk import Row
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.readers.json_lines import chunks
from sft_audit.sample import Malformed

NAMES = ("stage", "tool", "model")
_EXAMPLE = '{"trajectory": "t1", "step": 1, "tool": "search", "input": "...", "output": "...", "right": true}'


@dataclass(frozen=True, slots=True)
class Step:
    """One answer of one stage or verifier; `right` is None where nobody judged it."""

    trajectory: str
    step: float
    stage: str
    right: bool | None


@dataclass(frozen=True)
class Trajectories:
    """What a log holds: its steps in order, and the lines that are none, by why, with the first such line."""

    path: Path
    steps: tuple[Step, ...]
    unreadable: Mapping[str, tuple[int, int]]

    @cached_property
    def runs(self) -> Mapping[str, tuple[Step, ...]]:
        """Return the steps of each trajectory, in order."""
        found: dict[str, list[Step]] = defaultdict(list)
        for step in self.steps:
            found[step.trajectory].append(step)
        return {name: tuple(sorted(steps, key=lambda one: one.step)) for name, steps in found.items()}

    @property
    def unjudged(self) -> int:
        """Return the number of steps without right or wrong."""
        return sum(step.right is None for step in self.steps)

    def strangers(self, graph: Graph) -> Mapping[str, int]:
        """Return the steps of names that are neither stage nor verifier, most first."""
        known = {*graph.stages, *graph.verifiers}
        return dict(Counter(step.stage for step in self.steps if step.stage not in known).most_common())


def read_trajectories(path: Path) -> Trajectories:
    """Read the steps of a log as it stands now; one that grows is read up to its present end.

    Raises AuditError where it cannot be opened or holds no step.
    """
    steps: list[Step] = []
    unreadable: dict[str, tuple[int, int]] = {}
    order: Counter[str] = Counter()
    with FileBytes(path) as source:
        if not source.size:
            raise AuditError(f"{path}: empty; write one step a line, as {_EXAMPLE}")
        ended = source.read(source.size - 1, 1) == b"\n"
        for row in (row for chunk in chunks(source, path.name) for row in chunk.rows()):
            cut = not ended and row.place.byte_offset + row.place.n_bytes == source.size
            found = _step(row, order, cut=cut)
            if isinstance(found, Step):
                steps.append(found)
            else:
                count, first = unreadable.get(found, (0, row.place.line))
                unreadable[found] = (count + 1, first)
    if not steps:
        why = next(iter(unreadable), "no line")
        raise AuditError(f"{path}: no step stands in it ({why}); write one a line, as {_EXAMPLE}")
    return Trajectories(path, tuple(steps), unreadable)


def _step(row: Row | Malformed, order: Counter[str], *, cut: bool) -> Step | str:
    """Return the step of a row, or why it is none."""
    if isinstance(row, Malformed):
        return "cut in mid-line" if cut else "not a JSON object"
    if any(problem.kind == "bad_utf8" for problem in row.problems):
        return "not UTF-8"
    content = row.content
    match content:
        case {"trajectory": bool()}:
            return "no `trajectory`"
        case {"trajectory": str() | int() as trajectory}:
            pass
        case _:
            return "no `trajectory`"
    stage = next((content[key] for key in NAMES if isinstance(content.get(key), str)), None)
    if not isinstance(stage, str):
        return "no `stage`, `tool` or `model`"
    right = content.get("right")
    if not (right is None or isinstance(right, bool)):
        return "`right` is neither true, false nor null"
    name, stage = intern(str(trajectory)), intern(stage)
    order[name] += 1
    match content.get("step"):
        case bool() | None:
            return Step(name, order[name], stage, right)
        case int() | float() as at if isfinite(at):
            return Step(name, at, stage, right)
    return "`step` is no number"


def logged_rates(seen: Trajectories, graph: Graph) -> dict[str, Rate]:
    """Return the rates that the judged steps hold, by name, as `find_rates` names them.

    A verifier's verdict is about the judged step before it: wrong after a wrong one, it accepted falsely.
    """
    answers: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for name, steps in seen.runs.items():
        checked: Step | None = None
        for step in steps:
            if step.stage not in graph.verifiers:
                checked = step
                key = step.stage
            elif checked is None or checked.right is None:
                continue
            else:
                key = (false_rejects if checked.right else false_accepts)(step.stage)
            if step.right is not None:
                answers[key].append((name, not step.right))
    known = {*graph.stages, *map(false_accepts, graph.verifiers), *map(false_rejects, graph.verifiers)}
    return {name: _counted(answers[name]) for name in sorted(known & set(answers))}


def _counted(answers: Sequence[tuple[str, bool]]) -> Counted:
    """Return the rate of errors in (trajectory, error) pairs.

    It is worth n divided by the design effect of the trajectories (Kish 1965), where that is above 1; where
    all are right or all wrong, as many as there are trajectories.
    """
    k, n = sum(error for _, error in answers), len(answers)
    residuals: dict[str, float] = defaultdict(float)
    for trajectory, error in answers:
        residuals[trajectory] += error - k / n
    runs = len(residuals)
    worth = float(runs)
    if 0 < k < n and 1 < runs < n:
        clustered = runs / (runs - 1) * sum(one * one for one in residuals.values())
        worth = n / max(1.0, clustered / (n * (k / n) * (1 - k / n)))
    return Counted(k, n, min(worth, float(n)), f"{runs:,} trajectories")


def ballots(seen: Trajectories, stage: str) -> tuple[tuple[int, int], ...]:
    """Return (wrong, votes) of every item on which a stage voted twice or more.

    Votes on one item are the judged steps of one trajectory that share the step number.
    """
    found: dict[tuple[str, float], list[bool]] = defaultdict(list)
    for step in seen.steps:
        if step.stage == stage and step.right is not None:
            found[step.trajectory, step.step].append(not step.right)
    return tuple((sum(votes), len(votes)) for votes in found.values() if len(votes) > 1)


def items(steps: Iterable[Step], graph: Graph) -> tuple[tuple[Step, int], ...]:
    """Return the steps of stages that the graph knows, with the number of votes that each stands for.

    Votes on one item become one step, the majority's; it is judged where all of them are.
    """
    found: dict[tuple[float, str], list[Step]] = defaultdict(list)
    for step in steps:
        if step.stage in graph.stages:
            found[step.step, step.stage].append(step)
    return tuple((_majority(votes), len(votes)) for votes in found.values())


def _majority(votes: Sequence[Step]) -> Step:
    judged = [step.right for step in votes if step.right is not None]
    right = 2 * sum(judged) > len(votes) if len(judged) == len(votes) else None
    return replace(votes[0], right=right)

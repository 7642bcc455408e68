"""How the gate would have judged past runs, and the thresholds that would have told the good from the bad."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite, nan
from pathlib import Path
from statistics import median
from typing import Any

from sft_audit.errors import AuditError
from sft_audit.gate import Gate, judge_audits
from sft_audit.interval import Rate
from sft_audit.policy import OUTCOMES, Outcome, Policy, Rule, measured

DRAWS = 2000
_WORDS = {"good": 1.0, "bad": 0.0}
_SURE = 0.05


@dataclass(frozen=True, slots=True)
class PastRun:
    """One RL run of the past: its audits, and what became of it; larger is better."""

    name: str
    audits: tuple[Path, ...]
    outcome: float


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """One past run, whether it ended badly, and what the gate says of its audits."""

    run: PastRun
    bad: bool
    gate: Gate


@dataclass(frozen=True, slots=True)
class Correlation:
    """Spearman's rank correlation with a bootstrap 95 % interval and a two-sided permutation p."""

    rho: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where one rule's measure separates bad runs from good ones best, by Youden's J.

    J is sensitivity less false alarms (Youden 1950). `low` to `high` is a bootstrap 95 % interval that counts
    every threshold which separates equally well; `p` is the share of shuffled outcomes that separate as well
    somewhere.
    """

    rule: Rule
    good: int
    bad: int
    best: float
    low: float
    high: float
    youden: float
    p: float

    @property
    def limit(self) -> float | None:
        """Return the limit in force: the one that blocks, else the one that reviews."""
        return self.rule.review_above if self.rule.block_above is None else self.rule.block_above


@dataclass(frozen=True, slots=True)
class Hindsight:
    """The past runs as the gate judges them now; `good_from` is the least outcome that counts as good.

    `caught` is the share of bad runs that are blocked, `stopped` the share of good ones. `rank` is None where
    all outcomes, or all verdicts, are equal.
    """

    runs: tuple[JudgedRun, ...]
    good_from: float
    caught: Rate
    stopped: Rate
    rank: Correlation | None
    thresholds: tuple[Threshold, ...]

    def count(self, outcome: Outcome, *, bad: bool) -> int:
        """Return how many of the bad, or good, runs get this verdict."""
        return sum(one.gate.outcome == outcome and one.bad == bad for one in self.runs)

    def advice(self, one: Threshold) -> str:
        """Return whether the limit in force stands, moves, or cannot be told from these runs.

        A threshold is believed where p times the number of rules is below 5 % (Bonferroni).
        """
        if one.p * len(self.thresholds) >= _SURE:
            return "does not tell good from bad here"
        if one.limit is not None and one.low <= one.limit <= one.high:
            return "keep"
        return f"move to {one.best:.3g}"


def read_runs(path: Path) -> tuple[PastRun, ...]:
    """Read past runs from CSV (with a header) or JSON Lines: `audit`, `outcome`, optionally `name`.

    Several audit folders of one run stand in one field, separated by `;`. Raises AuditError naming the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as fault:
        raise AuditError(f"{path}: {(fault.strerror or str(fault)).lower()}; give a table of runs") from None
    except UnicodeDecodeError:
        raise AuditError(f"{path}: not UTF-8; save the table as UTF-8 text") from None
    rows = _csv_rows(text) if path.suffix.lower() == ".csv" else _json_rows(path, text)
    runs = tuple(_run(f"{path}:{line}", row) for line, row in rows)
    if not runs:
        raise AuditError(f"{path}: no run stands in it; write one a line, as audit,outcome")
    return runs


def look_back(
    runs: Sequence[PastRun], policy: Policy, today: date, good_from: float | None = None
) -> Hindsight:
    """Judge every past run by the policy; a run whose outcome is below `good_from` is bad.

    Without `good_from`: 1 where every outcome is good (1) or bad (0), else the median outcome.
    """
    outcomes = [run.outcome for run in runs]
    if good_from is None:
        good_from = 1.0 if set(outcomes) <= {0.0, 1.0} else median(outcomes)
    judged = tuple(
        JudgedRun(run, run.outcome < good_from, judge_audits(run.audits, policy, today)) for run in runs
    )
    blocked = [one for one in judged if one.gate.outcome == "BLOCK"]
    bad = sum(one.bad for one in judged)
    return Hindsight(
        runs=judged,
        good_from=good_from,
        caught=Rate(sum(one.bad for one in blocked), bad),
        stopped=Rate(sum(not one.bad for one in blocked), len(judged) - bad),
        rank=_correlation([-OUTCOMES.index(one.gate.outcome) for one in judged], outcomes),
        thresholds=tuple(found for rule in policy.rules if (found := _threshold(rule, judged)) is not None),
    )


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    for row in reader:
        yield reader.line_num, row


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    for line, one in enumerate(text.splitlines(), 1):
        if one.strip():
            try:
                row = json.loads(one)
            except ValueError:
                row = None
            if not isinstance(row, dict):
                raise AuditError(
                    f'{path}:{line}: not a JSON object; write {{"audit": "a;b", "outcome": "good"}}'
                )
            yield line, row


def _run(where: str, row: Mapping[str, object]) -> PastRun:
    match row:
        case {"audit": str(text)} if text.strip(" ;"):
            names = [name.strip() for name in text.split(";") if name.strip()]
        case _:
            raise AuditError(f"{where}: no audit folder; write it under `audit`, several separated by `;`")
    named = row.get("name")
    return PastRun(
        name=str(named) if named else text.strip(),
        audits=tuple(Path(name) for name in names),
        outcome=_outcome(where, row.get("outcome")),
    )


def _outcome(where: str, given: object) -> float:
    text = str(given).strip().lower()
    try:
        number = _WORDS[text] if text in _WORDS else float(text)
    except ValueError:
        number = nan
    if not isfinite(number):
        raise AuditError(f"{where}: outcome {given!r}; write good, bad or a number, larger is better")
    return number


def _correlation(verdicts: Sequence[int], outcomes: Sequence[float]) -> Correlation | None:
    """Return Spearman's correlation of two sequences of equal length; None where either is constant."""
    if len(set(verdicts)) < 2 or len(set(outcomes)) < 2:
        return None
    import numpy as np

    rng = np.random.default_rng(0)
    both = np.array([verdicts, outcomes], dtype=float)
    rho = _spearman(both)
    shuffled = [_spearman(np.array([both[0], rng.permutation(both[1])])) for _ in range(DRAWS)]
    drawn = [_spearman(both[:, rng.integers(0, both.shape[1], both.shape[1])]) for _ in range(DRAWS)]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    extreme = np.abs(shuffled) >= abs(rho) - 1e-12
    return Correlation(rho, float(low), float(high), float((1 + extreme.sum()) / (1 + DRAWS)))


def _spearman(both: Any) -> float:  # noqa: ANN401 - numpy is imported late
    """Return the correlation of the ranks, ties ranked alike; nan where a draw is constant."""
    import numpy as np
    from scipy.stats import rankdata

    ranks = rankdata(both, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    scale = np.sqrt((ranks**2).sum(axis=1).prod())
    return float((ranks[0] * ranks[1]).sum() / scale) if scale else nan


def _threshold(rule: Rule, judged: Sequence[JudgedRun]) -> Threshold | None:
    """Return where the rule separates best; None without two runs of either kind, or where all are alike."""
    import numpy as np

    found = [(value, one.bad) for one in judged if (value := _value(rule, one.gate)) is not None]
    good, bad = (sum(kind is wanted for _, kind in found) for wanted in (False, True))
    if good < 2 or bad < 2 or len({value for value, _ in found}) < 2:
        return None
    values, kinds = np.array([v for v, _ in found]), np.array([k for _, k in found])
    rng = np.random.default_rng(0)
    lows, highs, youden = _separate(values[None], kinds[None])
    shuffled = rng.permuted(np.tile(kinds, (DRAWS, 1)), axis=1)
    chance = _separate(np.tile(values, (DRAWS, 1)), shuffled)[2]
    draws = rng.integers(0, len(values), (DRAWS, len(values)))
    draws = draws[kinds[draws].any(axis=1) & ~kinds[draws].all(axis=1)]
    drawn_lows, drawn_highs, _ = _separate(values[draws], kinds[draws])
    return Threshold(
        rule=rule,
        good=good,
        bad=bad,
        best=float(lows[0] + highs[0]) / 2,
        low=float(np.percentile(drawn_lows, 2.5)),
        high=float(np.percentile(drawn_highs, 97.5)),
        youden=float(youden[0]),
        p=float((1 + (chance >= youden[0] - 1e-12).sum()) / (1 + DRAWS)),
    )


def _value(rule: Rule, gate: Gate) -> float | None:
    """Return what the gate compares with the rule's limits: the largest among the run's folders."""
    found = [
        measured(rule, one.evidence)
        for one in gate.rulings
        if one.ruling.rule == rule and one.evidence is not None
    ]
    return max(found, default=None)


def _separate(values: Any, bad: Any) -> tuple[Any, Any, Any]:  # noqa: ANN401 - numpy is imported late
    """Return, for each row, the range of thresholds t for which `value > t` tells the bad best, and J there.

    Both are of shape (draws, runs). Between two neighbouring values every threshold is as good: the range is
    theirs.
    """
    import numpy as np

    order = np.argsort(values, axis=1, kind="stable")
    values, bad = np.take_along_axis(values, order, 1), np.take_along_axis(bad, order, 1)
    caught = 1 - np.cumsum(bad, axis=1) / bad.sum(axis=1, keepdims=True)
    alarms = 1 - np.cumsum(~bad, axis=1) / (~bad).sum(axis=1, keepdims=True)
    youden = caught - alarms
    youden[:, :-1][values[:, :-1] == values[:, 1:]] = -1
    rows, best = np.arange(len(values)), np.argmax(youden, axis=1)
    following = np.minimum(best + 1, values.shape[1] - 1)
    return values[rows, best], values[rows, following], youden[rows, best]

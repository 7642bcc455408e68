"""The gate: any number of finished audits, one verdict on whether RL may start."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import inf
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from sft_audit.check import all_checks
from sft_audit.config import Waiver
from sft_audit.errors import AuditError
from sft_audit.finding import AXES, Axis
from sft_audit.interval import Rate
from sft_audit.policy import (
    OUTCOMES,
    Evidence,
    Outcome,
    Policy,
    Ruling,
    State,
    ask_for,
    exit_code,
    rule_on,
    worst,
)
from sft_audit.readers.pack import verify
from sft_audit.store import read_manifest


@dataclass(frozen=True, slots=True)
class Audit:
    """One audit folder, read back: its evidence, its readable samples, its waivers and what they cover.

    `inputs` are the content hashes of the files that it read.
    """

    folder: Path
    subject: str
    samples: int
    malformed: int
    evidence: tuple[Evidence, ...]
    waivers: tuple[Waiver, ...]
    ignored: Mapping[str, int]
    inputs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reason:
    """One ruling and the folder it is about; no folder where it is about what no folder holds."""

    folder: Path | None
    ruling: Ruling
    evidence: Evidence | None = None

    @property
    def sentence(self) -> str:
        """Return the reason with its folder, number, interval, n, threshold and the threshold's source."""
        where = f"{self.folder}: " if self.folder else ""
        return f"{where}{self.ruling.reason}{self._numbers()}"

    def _numbers(self) -> str:
        """Return what the ruling's own sentence does not say, where the measure is not a share."""
        rule, evidence = self.ruling.rule, self.evidence
        if rule is None or evidence is None or rule.measure == "share":
            return ""
        n = f"n = {evidence.rate.n:,}"
        if rule.measure == "any" or evidence.score is None:
            return f"; {evidence.findings:,} findings, {n}"
        high = evidence.score if evidence.score_high is None else evidence.score_high
        return f"; measured {evidence.score:.3g}, upper 95 % bound {high:.3g}, {n}"


@dataclass(frozen=True, slots=True)
class Waived:
    """One waiver, the folder it stands in, and whether its time is over."""

    folder: Path
    waiver: Waiver
    expired: bool

    @property
    def sentence(self) -> str:
        """Return what is waived, by whom, why and until when."""
        one = self.waiver
        of = f" of {one.source}" if one.source else ""
        over = " (expired)" if self.expired else ""
        return f"{self.folder}: {one.check}{of} waived by {one.who} until {one.until}{over}: {one.reason}"


@dataclass(frozen=True, slots=True)
class Gate:
    """The worst of all rulings on all audits, overall and per axis; None: nothing speaks of that axis."""

    outcome: Outcome
    axes: Mapping[Axis, Outcome | None]
    rulings: tuple[Reason, ...]
    audits: tuple[Audit, ...]
    waived: tuple[Waived, ...]
    not_asked: tuple[str, ...]
    ask: Mapping[Axis, str]

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Return every ruling that is not a pass, worst first."""
        return tuple(one for one in self.rulings if one.ruling.outcome != "PASS")

    def exit_code(self, fail_on: Literal["block", "review"] = "block") -> int:
        """Return 0 for PASS and REVIEW (1 if reviews fail), 1 for BLOCK, 3 for UNKNOWN."""
        return exit_code(self.outcome, fail_on)


def judge_audits(folders: Sequence[Path], policy: Policy, today: date, probes: Path | None = None) -> Gate:
    """Judge each audit folder by the policy and join the rulings: the worst wins.

    With `probes`, a frozen pack, some checkpoint must have been audited, and every one on these probes.
    Raises AuditError where a folder is no finished audit that this release can read, or the pack was changed.
    """
    once = {folder.resolve(): folder for folder in folders}
    return _join(tuple(read_audit(folder) for folder in once.values()), policy, today, probes)


def read_audit(folder: Path) -> Audit:
    """Read a finished audit back from its folder."""
    manifest = read_manifest(folder)
    try:
        shown = _Verdict.model_validate(json.loads((folder / "verdict.json").read_text(encoding="utf-8")))
        kept = _Manifest.model_validate(manifest)
    except (OSError, ValueError) as fault:
        why = _first(fault) if isinstance(fault, ValidationError) else "verdict.json cannot be read"
        raise AuditError(f"{folder}: {why}; run the audit again") from None
    return Audit(
        folder=folder,
        subject=shown.subject,
        samples=shown.samples,
        malformed=shown.malformed,
        evidence=tuple(one.evidence() for one in shown.evidence),
        waivers=kept.configuration.ignore,
        ignored=shown.ignored,
        inputs=frozenset(one.content_hash for one in kept.inputs),
    )


def _join(audits: tuple[Audit, ...], policy: Policy, today: date, probes: Path | None) -> Gate:
    every = [e for audit in audits for e in audit.evidence]
    asked = {e.check for e in every if e.state != "not asked"}
    waived = tuple(
        Waived(audit.folder, waiver, waiver.until < today) for audit in audits for waiver in audit.waivers
    )
    found = [
        *(reason for audit in audits for reason in _rulings(audit, policy)),
        *(reason for audit in audits for reason in _lapsed(audit, today)),
        *(Reason(None, ruling) for ruling in ask_for(policy, every)),
        *(_unprobed(audits, probes) if probes else ()),
    ]
    if not policy.required_axes and not any(e.state == "gathered" for e in every):
        found.append(Reason(None, Ruling("", "integrity", "UNKNOWN", "no audit holds any evidence", None)))
    found += [_unjudged(axis, every) for axis in policy.required_axes if not _judged(axis, found)]
    rulings = tuple(sorted(found, key=_rank))
    axes = {
        axis: worst([r.ruling.outcome for r in rulings if r.ruling.axis == axis])
        if any(r.ruling.axis == axis for r in rulings)
        else None
        for axis in AXES
    }
    return Gate(
        outcome=worst([r.ruling.outcome for r in rulings]),
        axes=axes,
        rulings=rulings,
        audits=audits,
        waived=waived,
        not_asked=tuple(code for code in all_checks() if code not in asked),
        ask=policy.ask,
    )


def _rulings(audit: Audit, policy: Policy) -> list[Reason]:
    by_check = {e.check: e for e in audit.evidence}
    readable = audit.samples - audit.malformed
    return [
        Reason(audit.folder, ruling, by_check.get(ruling.check))
        for ruling in rule_on(policy, audit.evidence, readable)
    ]


def _lapsed(audit: Audit, today: date) -> list[Reason]:
    """Return an UNKNOWN for every check of which findings are left out by a waiver that is over."""
    live = [waiver for waiver in audit.waivers if waiver.until >= today]
    over = [
        waiver
        for waiver in audit.waivers
        if waiver.until < today and not any(_covers(other, waiver) for other in live)
    ]
    reasons = []
    for code, count in audit.ignored.items():
        waiver = next((one for one in over if code.startswith(one.check)), None)
        check = all_checks().get(code)
        if waiver and count and check:
            why = (
                f"{code} {check.name}: {count:,} of its findings are left out by a waiver of {waiver.who} "
                f"that expired on {waiver.until}; audit again without it, or renew it"
            )
            reasons.append(Reason(audit.folder, Ruling(code, check.axis, "UNKNOWN", why, None)))
    return reasons


def _unprobed(audits: Sequence[Audit], probes: Path) -> list[Reason]:
    """Return an UNKNOWN for every checkpoint that was not audited on this pack; one where none was at all."""
    frozen = str(verify(probes)["probes"])
    checkpoints = [audit for audit in audits if audit.subject == "checkpoint"]
    if not checkpoints:
        why = f"no checkpoint was audited on the probes of {probes}"
        return [Reason(None, Ruling("", "blindness", "UNKNOWN", why, None))]
    why = f"the checkpoint was not audited on the probes of {probes}; audit it with --probes {probes}"
    return [
        Reason(audit.folder, Ruling("", "blindness", "UNKNOWN", why, None))
        for audit in checkpoints
        if not any(frozen.startswith(content) for content in audit.inputs)
    ]


def _covers(live: Waiver, over: Waiver) -> bool:
    return over.check.startswith(live.check) and live.source in (None, over.source)


def _judged(axis: Axis, reasons: Sequence[Reason]) -> bool:
    """Return whether a threshold was applied to gathered evidence of this axis."""
    return any(one.ruling.axis == axis and one.ruling.rule is not None for one in reasons)


def _unjudged(axis: Axis, evidence: Sequence[Evidence]) -> Reason:
    gathered = [e.check for e in evidence if e.axis == axis and e.state == "gathered"]
    why = (
        f"no threshold of the policy speaks about {', '.join(gathered)}, the only evidence"
        if gathered
        else "no audit holds evidence"
    )
    return Reason(None, Ruling("", axis, "UNKNOWN", f"{why} on {axis}, which the policy requires", None))


def _rank(reason: Reason) -> tuple[int, int, bool, str, str]:
    """Return the place in the report: the worst first; what may block before what may not."""
    ruling = reason.ruling
    may_block = ruling.rule is not None and ruling.rule.block_above is not None
    return (
        -OUTCOMES.index(ruling.outcome),
        AXES.index(ruling.axis),
        not may_block,
        ruling.check,
        str(reason.folder or ""),
    )


def _first(fault: ValidationError) -> str:
    first = fault.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg'].lower()}"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Evidence(_Part):
    """One entry of `evidence` in verdict.json."""

    check: str
    name: str
    axis: Axis
    state: State
    preview: bool
    flagged: NonNegativeInt
    of: NonNegativeInt
    population: NonNegativeInt | None
    findings: NonNegativeInt
    score: float | None
    score_high: float | None
    foremost: str | None

    def evidence(self) -> Evidence:
        rate = Rate(self.flagged, self.of, inf if self.population is None else self.population)
        looked = self.of or self.findings or self.state != "gathered"
        return Evidence(
            check=self.check,
            name=self.name,
            axis=self.axis,
            state=self.state if looked else "not asked",
            preview=self.preview,
            rate=rate,
            findings=self.findings,
            score=self.score,
            score_high=self.score_high,
            foremost=self.foremost,
        )


class _Verdict(_Part):
    """What the gate reads of verdict.json."""

    subject: str
    samples: NonNegativeInt
    malformed: NonNegativeInt
    ignored: Mapping[str, int]
    evidence: tuple[_Evidence, ...]


class _Configuration(_Part):
    ignore: tuple[Waiver, ...] = ()


class _Input(_Part):
    content_hash: str


class _Manifest(_Part):
    """What the gate reads of manifest.json."""

    configuration: _Configuration
    inputs: tuple[_Input, ...] = ()

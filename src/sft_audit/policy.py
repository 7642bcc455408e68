"""From measured evidence to a verdict: thresholds in, verdict and exit code out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from math import ceil
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from sft_audit.check import find_check
from sft_audit.errors import AuditError
from sft_audit.finding import AXES, Axis
from sft_audit.interval import Rate

Code = Annotated[str, AfterValidator(lambda code: find_check(code).code)]
Outcome = Literal["PASS", "REVIEW", "UNKNOWN", "BLOCK"]
State = Literal["gathered", "not asked", "incomplete", "crashed"]
OUTCOMES: tuple[Outcome, ...] = ("PASS", "REVIEW", "UNKNOWN", "BLOCK")
_MAY_BLOCK = ("published", "code", "user")


class Rule(BaseModel):
    """One threshold on one check, with where it comes from.

    A user's rule that names no measure is about the score where the packaged rule of its check is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    check: Code
    measure: Literal["share", "score", "any"] = "share"
    review_above: float | None = None
    block_above: float | None = None
    basis: Literal["published", "code", "toy-calibrated", "default", "user"] = "user"
    source: str = "set by the user"

    @model_validator(mode="after")
    def _sourced(self) -> Self:
        if self.block_above is not None and self.basis not in _MAY_BLOCK:
            raise ValueError(f"{self.check}: a threshold on a {self.basis} basis may review, never block")
        return self


class Policy(BaseModel):
    """The rules, and the checks and axes without whose evidence there is no pass.

    `required` holds for every audit and for the gate, `required_axes` for the gate, which joins audits.
    `ask` names who answers for an axis.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    required: tuple[Code, ...] = ()
    required_axes: tuple[Axis, ...] = ("blindness", "exploit", "integrity")
    ask: Mapping[Axis, str] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one check brought: how it went, the rate of flagged samples, its findings' largest score.

    `score_high` is the upper end of that score's 95 % interval where the check measured one, else the score.
    `foremost` is the message of the finding about the whole with the largest score, if there is one.
    """

    check: str
    name: str
    axis: Axis
    state: State
    preview: bool
    rate: Rate
    findings: int
    score: float | None = None
    score_high: float | None = None
    foremost: str | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """One rule applied to one piece of evidence."""

    check: str
    axis: Axis
    outcome: Outcome
    reason: str
    rule: Rule | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The worst of all rulings, overall and per axis, and why."""

    outcome: Outcome
    axes: Mapping[Axis, Outcome | None]
    rulings: tuple[Ruling, ...]
    not_asked: tuple[str, ...]

    @property
    def reasons(self) -> list[str]:
        """Return a sentence for every ruling that is not a pass, worst first."""
        worst_first = sorted(self.rulings, key=lambda r: (-OUTCOMES.index(r.outcome), r.check))
        return [f"{r.outcome} {r.axis}: {r.reason}" for r in worst_first if r.outcome != "PASS"]

    def exit_code(self, fail_on: Literal["block", "review"] = "block") -> int:
        """Return the exit code of the outcome."""
        return exit_code(self.outcome, fail_on)


def exit_code(outcome: Outcome, fail_on: Literal["block", "review"] = "block") -> int:
    """Return 0 for PASS and REVIEW (1 if reviews fail), 1 for BLOCK, 3 for UNKNOWN."""
    failing = 1 if fail_on == "review" else 0
    return {"PASS": 0, "REVIEW": failing, "BLOCK": 1, "UNKNOWN": 3}[outcome]


def load_policy(path: Path | None) -> Policy:
    """Return the packaged policy with the user's laid over it: check by check, their rules replace ours."""
    packaged = _parse(files("sft_audit").joinpath("policy.yaml").read_text(encoding="utf-8"), "policy.yaml")
    if path is None:
        return packaged
    try:
        own = _parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as fault:
        raise AuditError(f"{path}: {(fault.strerror or str(fault)).lower()}; give a policy file") from None
    except UnicodeDecodeError:
        raise AuditError(f"{path}: not UTF-8; save the policy as UTF-8 text") from None
    scored = {rule.check for rule in packaged.rules if rule.measure == "score"}
    own_rules = tuple(
        rule.model_copy(update={"measure": "score"})
        if rule.check in scored and "measure" not in rule.model_fields_set
        else rule
        for rule in own.rules
    )
    replaced = {rule.check for rule in own_rules}
    kept = tuple(rule for rule in packaged.rules if rule.check not in replaced)
    axes = own if "required_axes" in own.model_fields_set else packaged
    return Policy(
        required=own.required or packaged.required,
        required_axes=axes.required_axes,
        ask=own.ask,
        rules=(*kept, *own_rules),
    )


def judge(policy: Policy, evidence: Sequence[Evidence], readable: int) -> Verdict:
    """Apply every rule; `readable` is the number of samples that could be read: with none, nothing passes."""
    rulings = (*rule_on(policy, evidence, readable), *ask_for(policy, evidence))
    if not any(e.state == "gathered" for e in evidence) and not rulings:
        rulings = (Ruling("", "integrity", "UNKNOWN", "no check had anything to look at", None),)
    not_asked = tuple(e.check for e in evidence if e.state == "not asked")
    axes = {axis: _worst(rulings, axis, evidence) for axis in AXES}
    return Verdict(worst([r.outcome for r in rulings]), axes, rulings, not_asked)


def rule_on(policy: Policy, evidence: Sequence[Evidence], readable: int) -> tuple[Ruling, ...]:
    """Return the rulings on the evidence of one audit, whatever the policy requires beside it."""
    by_check = {e.check: e for e in evidence}
    rulings = [
        _rule(rule, by_check[rule.check], readable)
        for rule in policy.rules
        if _gathered(by_check, rule.check)
    ]
    rulings += [_missing(e) for e in evidence if e.state in ("crashed", "incomplete")]
    if not readable:
        rulings.append(Ruling("INT101", "integrity", "UNKNOWN", "no sample could be read", None))
    return tuple(rulings)


def ask_for(policy: Policy, evidence: Sequence[Evidence]) -> tuple[Ruling, ...]:
    """Return an UNKNOWN for every check that the policy requires and that was asked nowhere."""
    asked = {e.check for e in evidence if e.state != "not asked"}
    return tuple(
        Ruling(code, axis, "UNKNOWN", f"{code} is required by the policy and was not asked", None)
        for code, axis in ((code, find_check(code).axis) for code in policy.required)
        if code not in asked
    )


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the worst outcome; PASS where there is none."""
    return max(outcomes, key=OUTCOMES.index) if outcomes else "PASS"


def _gathered(by_check: Mapping[str, Evidence], code: str) -> bool:
    return code in by_check and by_check[code].state == "gathered"


def _worst(rulings: Sequence[Ruling], axis: Axis, evidence: Sequence[Evidence]) -> Outcome | None:
    own = [r.outcome for r in rulings if r.axis == axis]
    asked = any(e.axis == axis and e.state == "gathered" for e in evidence)
    return worst(own) if own else ("PASS" if asked else None)


def _missing(evidence: Evidence) -> Ruling:
    why = "crashed" if evidence.state == "crashed" else "could not see all that it asks about"
    return Ruling(evidence.check, evidence.axis, "UNKNOWN", f"{evidence.check} {evidence.name} {why}", None)


def _rule(rule: Rule, evidence: Evidence, readable: int) -> Ruling:
    outcome, limit = _compared(rule, evidence)
    reason = f"{evidence.check} {evidence.name}: {_what(rule, evidence)}"
    if rule.measure == "share" and evidence.findings and not evidence.rate.k:
        reason += "; it is about the whole and has no share: give its rule `measure: score` or `any`"
        return Ruling(evidence.check, evidence.axis, "UNKNOWN", reason, rule)
    if limit is not None:
        reason += f"; the limit is {_number(rule, limit)} ({rule.basis}: {rule.source})"
        if _unseen(rule, evidence):
            reason += f"; {_cure(evidence.rate, limit, readable)}"
    return Ruling(evidence.check, evidence.axis, outcome, reason, rule)


def _compared(rule: Rule, evidence: Evidence) -> tuple[Outcome, float | None]:
    """Return the outcome, and the limit that is exceeded."""
    found, review, block = measured(rule, evidence), rule.review_above, rule.block_above
    if _unseen(rule, evidence):
        # Nothing was observed: a limit of 0 cannot be exceeded, and any other may only ask for a larger draw.
        limit = review if block is None else block
        return ("REVIEW", limit) if limit and found > limit else ("PASS", None)
    if block is not None and found > block and not evidence.preview:
        return "BLOCK", block
    exceeded = [limit for limit in (review, block) if limit is not None and found > limit]
    return ("REVIEW", exceeded[0]) if exceeded else ("PASS", None)


def _unseen(rule: Rule, evidence: Evidence) -> bool:
    """Return whether a share is judged by a draw in which no sample was flagged."""
    return rule.measure == "share" and not evidence.rate.k and evidence.rate.n < evidence.rate.population


def _cure(rate: Rate, limit: float, readable: int) -> str:
    """Return the draw that would settle it, in hundreds of rows; `readable` were drawn to see these `n`."""
    rows = 100 * ceil(readable / rate.n * rate.unseen_below(limit) / 100)
    if rows >= readable / rate.n * rate.population:
        return "audit the whole set to settle it"
    return f"about {rows:,} rows without one would settle it, or audit the whole set"


def measured(rule: Rule, evidence: Evidence) -> float:
    """Return what a rule compares with its limits: the bound of the measure that is against the data set."""
    if rule.measure == "share":
        return evidence.rate.high if evidence.rate.n else 0.0
    if rule.measure == "any":
        return float(evidence.findings)
    return evidence.score_high if evidence.score_high is not None else evidence.score or 0.0


def _what(rule: Rule, evidence: Evidence) -> str:
    if evidence.foremost is not None and rule.measure != "share":
        more = evidence.findings - 1
        return evidence.foremost + (f", and {more:,} more" if more else "")
    rate = evidence.rate
    if _unseen(rule, evidence):
        return f"none of {rate.n:,} samples is flagged, but up to {rate.high:.2%} of all may be"
    if rule.measure == "score":
        if evidence.score is None:
            return "nothing found"
        return f"{evidence.score:.3g} (upper 95 % bound {measured(rule, evidence):.3g})"
    counted = f"{rate.k:,} of {rate.n:,} samples ({rate.value:.2%}"
    if rate.n < rate.population:
        counted += f", 95 % interval {rate.low:.2%} to {rate.high:.2%}"
    return counted + ")" if rate.k or not evidence.findings else f"{evidence.findings:,} findings"


def _number(rule: Rule, limit: float) -> str:
    return f"{limit:.2%}" if rule.measure == "share" else f"{limit:g}"


def _parse(text: str, where: str) -> Policy:
    try:
        return Policy.model_validate(yaml.safe_load(text) or {})
    except yaml.YAMLError as fault:
        raise AuditError(f"{where}: not YAML: {' '.join(str(fault).split())}") from None
    except ValidationError as fault:
        first = min(fault.errors(), key=lambda error: error["type"] != "extra_forbidden")
        place = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            known = [*Rule.model_fields, *Policy.model_fields]
            message = (
                f"unknown key; did you mean {get_close_matches(str(first['loc'][-1]), known, 1, 0)[0]!r}?"
            )
        raise AuditError(f"{where}: {place}: {message}") from None
    except AuditError as fault:
        raise AuditError(f"{where}: {fault}") from None

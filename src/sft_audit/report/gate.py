"""What the gate says: on the terminal, to machines, to a build server, in a pull request, on one sheet."""

import html
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal
from xml.etree import ElementTree as ET

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sft_audit.check import all_checks
from sft_audit.finding import AXES
from sft_audit.gate import Gate, Reason
from sft_audit.policy import Outcome
from sft_audit.report.visible import cut, visible

MOST_REASONS = 12
_STYLES = {"BLOCK": "bold red", "UNKNOWN": "bold magenta", "REVIEW": "bold yellow", "PASS": "bold green"}
_SHADOW = "shadow mode: this verdict stops nothing"
_NAMED = 3
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Stake:
    """What the run would cost: GPU-hours, and the price of one in the user's own money."""

    gpu_hours: float
    price: float | None = None

    @property
    def sentence(self) -> str:
        """Return the cost in words."""
        hours = f"{self.gpu_hours:,.0f} GPU-hours"
        if self.price is None:
            return hours
        return f"{self.gpu_hours * self.price:,.0f} ({hours} at {self.price:g})"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A verdict of the gate, and how it is told."""

    gate: Gate
    shadow: bool = False
    fail_on: Literal["block", "review"] = "block"
    stake: Stake | None = None

    @property
    def exit_code(self) -> int:
        """Return the exit code: 0 in shadow mode, whatever the verdict."""
        return 0 if self.shadow else self.gate.exit_code(self.fail_on)

    @property
    def begun(self) -> bool:
        """Return whether the run has begun: one of the audits is of it."""
        return any(audit.subject == "run" for audit in self.gate.audits)

    @property
    def question(self) -> str:
        """Return what the gate is asked."""
        return "may RL go on?" if self.begun else "may RL start?"

    @property
    def headline(self) -> str:
        """Return what the verdict means, in one sentence."""
        may, stop, unknown = ("start", "Do not start RL: it would optimise", "Do not start RL yet")
        if self.begun:
            may, stop, unknown = ("go on", "Stop RL: it optimises", "Nothing says that RL may go on")
        return {
            "PASS": f"RL may {may}: everything required was looked at and lies within its threshold.",
            "REVIEW": f"RL may {may} once someone has looked: a threshold that may not block is exceeded.",
            "BLOCK": f"{stop} what is broken here.",
            "UNKNOWN": f"{unknown}: what must be looked at was not, or could not be.",
        }[self.gate.outcome]

    @property
    def next_action(self) -> str:
        """Return what to do now."""
        worst = [one for one in self.gate.reasons if one.ruling.outcome == self.gate.outcome]
        checks = list(dict.fromkeys(one.ruling.check for one in worst if one.ruling.check))
        named = ", ".join(_name(code) for code in checks[:_NAMED])
        named += f" and {len(checks) - _NAMED} more" if len(checks) > _NAMED else ""
        folders = list(dict.fromkeys(str(one.folder) for one in worst if one.folder))[:_NAMED]
        read = f" (read {', '.join(f'{folder}/report.html' for folder in folders)})" if folders else ""
        start = "let the run go on" if self.begun else "start the run"
        match self.gate.outcome:
            case "PASS":
                return f"{start.capitalize()}, and keep this page with its configuration."
            case "REVIEW":
                return f"Look at {named}{read}, write down who looked, then {start}."
            case "BLOCK":
                freeze = "Stop the run and keep its newest saved model. " if self.begun else ""
                return f"{freeze}Mend {named}{read}, audit again, and ask the gate again."
        axes = list(dict.fromkeys(one.ruling.axis for one in worst))
        return f"Gather the evidence that is missing on {', '.join(axes)}{read}, and ask the gate again."

    @property
    def names(self) -> tuple[str, ...]:
        """Return whom to ask: who answers for the axes that do not pass, and who waived findings."""
        own = [
            f"{self.gate.ask[axis]} ({axis})"
            for axis in AXES
            if axis in self.gate.ask and self.gate.axes[axis] not in (None, "PASS")
        ]
        waivers = [f"{one.waiver.who} (waiver of {one.waiver.check})" for one in self.gate.waived]
        return tuple(dict.fromkeys([*own, *waivers]))


def summary(sheet: Sheet) -> RenderableType:
    """Return what the terminal shows."""
    gate = sheet.gate
    head = Text()
    head.append(gate.outcome, _STYLES[gate.outcome])
    head.append(f"   {len(gate.audits)} {'audit' if len(gate.audits) == 1 else 'audits'}\n")
    for axis, outcome in gate.axes.items():
        head.append(f"{axis} ", "dim")
        head.append(outcome or "not asked", _STYLES[outcome] if outcome else "dim")
        head.append("   ")
    table = Table.grid(padding=(0, 1))
    for one in gate.reasons[:MOST_REASONS]:
        outcome = one.ruling.outcome
        table.add_row(Text(outcome, _STYLES[outcome]), Text(cut(_said(one), 900)))
    left = len(gate.reasons) - MOST_REASONS
    if left > 0:
        table.add_row("", Text(f"and {left} more; --json holds all", "dim"))
    rest = [f"next: {visible(sheet.next_action)}"]
    rest += [f"waiver: {visible(one.sentence)}" for one in gate.waived]
    if gate.not_asked:
        rest.append(f"not asked, so not clean: {in_short(gate.not_asked)}")
    rest += [f"at stake: {sheet.stake.sentence}"] if sheet.stake else []
    rest += [_SHADOW] if sheet.shadow else []
    parts: list[RenderableType] = [table, Text()] if gate.reasons else []
    return Group(head, Text(), *parts, Text("\n".join(rest)))


def as_json(sheet: Sheet) -> dict[str, object]:
    """Return the object that `--json` prints."""
    gate = sheet.gate
    return {
        "verdict": gate.outcome,
        "axes": dict(gate.axes),
        "exit_code": sheet.exit_code,
        "shadow": sheet.shadow,
        "reasons": [f"{one.ruling.outcome} {_said(one)}" for one in gate.reasons],
        "next": sheet.next_action,
        "rulings": [_ruling(one) for one in gate.rulings],
        "waivers": [
            {"audit": str(one.folder), "expired": one.expired, **one.waiver.model_dump(mode="json")}
            for one in gate.waived
        ],
        "not_asked": list(gate.not_asked),
        "audits": [
            {"audit": str(a.folder), "subject": a.subject, "samples": a.samples, "malformed": a.malformed}
            for a in gate.audits
        ],
        "stake": sheet.stake and asdict(sheet.stake),
    }


def junit(sheet: Sheet) -> str:
    """Return JUnit XML: a suite an axis, a case a ruling.

    BLOCK is a failure, UNKNOWN an error; REVIEW is skipped, or a failure where reviews fail. In shadow mode
    everything but a pass is skipped, so that no build server stops for it.
    """
    root = ET.Element("testsuites", name="sft-audit gate")
    for axis in AXES:
        rulings = [one for one in sheet.gate.rulings if one.ruling.axis == axis]
        suite = ET.SubElement(root, "testsuite", name=axis)
        kinds = [_case(suite, one, sheet) for one in rulings]
        if not rulings:
            case = ET.SubElement(suite, "testcase", classname=f"gate.{axis}", name=axis, time="0")
            ET.SubElement(case, "skipped", message="not asked, so not clean")
            kinds = ["skipped"]
        suite.set("tests", str(len(kinds)))
        for count, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(count, str(kinds.count(kind)))
        suite.set("time", "0")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def markdown(sheet: Sheet) -> str:
    """Return the verdict for a pull request or a build's summary."""
    gate = sheet.gate
    lines = [f"# {gate.outcome}: {sheet.question}", "", sheet.headline, ""]
    lines += [f"**{_SHADOW.capitalize()}.**", ""] if sheet.shadow else []
    lines += ["| axis | verdict |", "|---|---|"]
    lines += [f"| {axis} | {outcome or 'not asked'} |" for axis, outcome in gate.axes.items()]
    if gate.reasons:
        lines += ["", "| | axis | reason |", "|---|---|---|"]
        lines += [
            f"| {one.ruling.outcome} | {one.ruling.axis} | {_plain(one.sentence)} |"
            for one in gate.reasons[:MOST_REASONS]
        ]
    left = len(gate.reasons) - MOST_REASONS
    lines += ["", f"And {left} more."] if left > 0 else []
    lines += ["", f"**Next:** {_plain(sheet.next_action)}"]
    if sheet.names:
        lines += ["", f"**Ask:** {_plain(', '.join(sheet.names))}"]
    if sheet.stake:
        lines += ["", f"**At stake:** {sheet.stake.sentence}"]
    if gate.waived:
        lines += ["", "Waivers:", "", *(f"- {_plain(one.sentence)}" for one in gate.waived)]
    if gate.not_asked:
        lines += ["", f"Not asked, so not clean: {in_short(gate.not_asked)}"]
    return "\n".join(lines) + "\n"


def one_page(sheet: Sheet) -> str:
    """Return the go/no-go: one HTML page that prints on one sheet."""
    from sft_audit.report.ledger import take_apart
    from sft_audit.report.page import environment

    reasons = [
        (
            str(one.folder or ""),
            take_apart(one.ruling, one.evidence, (one.evidence and one.evidence.foremost) or ""),
            one.evidence,
        )
        for one in sheet.gate.reasons[:_NAMED]
    ]
    page: str = (
        environment()
        .get_template("gate.html.j2")
        .render(
            sheet=sheet,
            gate=sheet.gate,
            reasons=reasons,
            shadow=_SHADOW,
            not_asked=in_short(sheet.gate.not_asked),
        )
    )
    return page


def in_short(codes: Sequence[str]) -> str:
    """Return codes with a family that is there whole named by its letters alone."""
    families: dict[str, list[str]] = {}
    for code in all_checks():
        families.setdefault(code[:3], []).append(code)
    whole = [family for family, own in families.items() if set(own) <= set(codes)]
    rest = [code for code in codes if code[:3] not in whole]
    return " ".join([*(f"{family} (all {len(families[family])})" for family in whole), *rest])


def _said(one: Reason) -> str:
    return f"{one.ruling.axis}: {one.sentence}"


def _name(code: str) -> str:
    known = all_checks().get(code)
    return f"{code} {known.name}" if known else code


def _ruling(one: Reason) -> dict[str, object]:
    """Return a ruling with its number, interval, n, threshold and the threshold's source."""
    ruling, e = one.ruling, one.evidence
    return {
        "audit": str(one.folder) if one.folder else None,
        "check": ruling.check or None,
        "axis": ruling.axis,
        "outcome": ruling.outcome,
        "reason": one.sentence,
        "rule": ruling.rule and ruling.rule.model_dump(mode="json"),
        "share": e and e.rate.value,
        "low": e and e.rate.low,
        "high": e and e.rate.high,
        "flagged": e and e.rate.k,
        "n": e and e.rate.n,
        "findings": e and e.findings,
        "score": e and e.score,
        "score_high": e and e.score_high,
    }


def _case(suite: ET.Element, one: Reason, sheet: Sheet) -> str:
    """Append the case of one ruling; return which kind it is."""
    ruling = one.ruling
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_xml(f"gate.{ruling.axis}" + (f".{one.folder}" if one.folder else "")),
        name=_xml(_name(ruling.check) if ruling.check else ruling.axis),
        time="0",
    )
    kind = _kind(ruling.outcome, sheet)
    if kind == "passed":
        return kind
    message = _xml(f"{ruling.outcome}: {one.sentence}")
    if kind == "skipped":
        ET.SubElement(case, kind, message=message)
    else:
        ET.SubElement(case, kind, message=message, type=ruling.outcome).text = message
    return kind


def _kind(outcome: Outcome, sheet: Sheet) -> str:
    if outcome == "PASS":
        return "passed"
    if sheet.shadow or (outcome == "REVIEW" and sheet.fail_on == "block"):
        return "skipped"
    return "error" if outcome == "UNKNOWN" else "failure"


def _xml(text: str) -> str:
    """Return the text without the characters that XML 1.0 cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", visible(text))


def _plain(text: str) -> str:
    """Return the text as Markdown that shows every character as itself, in one line."""
    return re.sub(r"([\\`*_\[\]|~#!@])", r"\\\1", html.escape(" ".join(visible(text).split()), quote=False))


def refusal(sheet: Sheet, command: Sequence[str]) -> str:
    """Return what `run` says on stderr before it starts the command, or why it does not."""
    gate = sheet.gate
    stopped = bool(gate.exit_code(sheet.fail_on))
    lines = [f"{one.ruling.outcome} {visible(_said(one))}" for one in gate.reasons[:MOST_REASONS]]
    lines += [f"waiver: {visible(one.sentence)}" for one in gate.waived]
    if stopped and sheet.shadow:
        lines.append(f"sft-audit: {gate.outcome}; {_SHADOW}; starting {visible(command[0])}")
    elif stopped:
        lines += [
            f"next: {visible(sheet.next_action)}",
            f"sft-audit: {gate.outcome}; {visible(command[0])} not started",
        ]
    else:
        lines.append(f"sft-audit: {gate.outcome}; starting {visible(command[0])}")
    return "\n".join(lines)

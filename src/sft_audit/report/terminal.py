"""What the terminal shows of a finished audit."""

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sft_audit.ranking import SHOWN, Ranked
from sft_audit.report.gate import in_short
from sft_audit.report.postmortem import in_terminal
from sft_audit.report.visible import between, cut, percent
from sft_audit.session import Report
from sft_audit.store import read_manifest

_STYLES = {"BLOCK": "bold red", "UNKNOWN": "bold magenta", "REVIEW": "bold yellow", "PASS": "bold green"}
_MOST_REASONS = 12
_MOST_ALARMS = 8


def summary(report: Report) -> RenderableType:
    """Return the verdict and why, the wounds, what each check found, what was not asked, where to read on."""
    verdict = json.loads((report.folder / "verdict.json").read_text(encoding="utf-8"))
    manifest = read_manifest(report.folder)
    parts = [
        _head(report, verdict, manifest),
        _reasons(report),
        _own(verdict, manifest),
        _findings(verdict),
        _rest(report, verdict),
    ]
    return Group(*(Padding(part, (0, 0, 1, 0)) for part in parts if part is not None))


def _head(report: Report, verdict: dict[str, Any], manifest: dict[str, Any]) -> Text:
    text = Text()
    text.append(report.verdict, _STYLES[report.verdict])
    text.append(f"   {_size(report, verdict, manifest)}\n")
    for axis, outcome in verdict["axes"].items():
        text.append(f"{axis} ", "dim")
        text.append(outcome or "not asked", _STYLES[outcome] if outcome else "dim")
        text.append("   ")
    return text


def _size(report: Report, verdict: dict[str, Any], manifest: dict[str, Any]) -> str:
    """Return how much was looked at: rows; answers, trials and the time of a call; completions and steps."""
    match verdict:
        case {"card": {"answers": answers, "trials": trials}}:
            seconds = manifest["median_seconds"]
            pace = "no call answered" if seconds is None else f"{1000 * seconds:,.2f} ms a call (median)"
            return f"{answers:,} answers, {trials:,} trials, {pace}"
        case {"run": {"steps": steps, "completions": completions}}:
            return f"{completions:,} completions of {steps:,} steps, {report.malformed:,} unreadable"
    return f"{report.samples:,} rows, {report.malformed:,} unreadable, {report.images:,} images"


def _reasons(report: Report) -> Table | None:
    if not report.reasons:
        return None
    table = Table.grid(padding=(0, 1))
    for reason in report.reasons[:_MOST_REASONS]:
        outcome, _, why = reason.partition(" ")
        table.add_row(Text(outcome, _STYLES.get(outcome, "")), Text(cut(why, 600)))
    left = len(report.reasons) - _MOST_REASONS
    if left > 0:
        table.add_row("", Text(f"and {left} more in report.html", "dim"))
    return table


def _wounds(verdict: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", no_wrap=True)
    for wound in verdict["wounds"]:
        title = (f"{wound['number']}. {wound['title']}:", "bold")
        if wound["value"] is None:
            table.add_row(Text(wound["missing"], "dim"), Text.assemble(title, " ", wound["sentence"]))
        else:
            interval = f"95 % interval {between(wound['low'], wound['high'])}"
            table.add_row(
                Text(percent(wound["value"]), "bold"),
                Text.assemble(title, f" {wound['measure']} ({interval})"),
            )
    return table


def _own(verdict: dict[str, Any], manifest: dict[str, Any]) -> RenderableType | None:
    """Return what only this subject's audit says."""
    match verdict:
        case {"wounds": _}:
            return _wounds(verdict)
        case {"card": card}:
            return _card(card)
        case {"prompts": sheet}:
            return _prompts(sheet, sum(manifest["stages"].values()))
        case {"checkpoint": sheet}:
            return _checkpoint(sheet)
        case {"run": {"postmortem": dict(sheet)}}:
            return in_terminal(sheet)
        case {"run": sheet}:
            return _run(sheet)
    return None


def _run(sheet: dict[str, Any]) -> Table | None:
    """Return the alarms of a run by their steps, what it amplified, and how it is now, a line each."""
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", no_wrap=True)
    for one in sheet["alarms"][:_MOST_ALARMS]:
        style = "bold red" if one["grade"] == "alarm" else "bold yellow"
        said = one["says"].removeprefix(f"step {one['step']}: ")
        table.add_row(Text(f"step {one['step']:,}", style), Text(f"{one['grade']}: {cut(said, 300)}"))
    left = len(sheet["alarms"]) - _MOST_ALARMS
    if left > 0:
        table.add_row("", Text(f"and {left} more in report.html", "dim"))
    for one in sheet["amplifications"]:
        if one["exploit"]:
            table.add_row(Text(one["behaviour"], "bold"), Text(cut(one["says"].partition(": ")[2], 300)))
    named = {
        "right": "read right",
        "exploits": "with an exploit",
        "exploit_reward": "of the reward to exploits",
    }
    lately = sheet["lately"]
    now = [f"reward {lately['reward']:.3g}"] if "reward" in lately else []
    now += [f"{percent(lately[key])} {said}" for key, said in named.items() if key in lately]
    if now:
        table.add_row(Text("lately", "bold"), Text(", ".join(now)))
    return table if table.row_count else None


def _prompts(sheet: dict[str, Any], seconds: float) -> Table | None:
    """Return the signal of the prompts, the subset, what they cost and the audit took, a line each."""
    if not sheet["lines"]:
        return None
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", no_wrap=True)
    for one in sheet["lines"]:
        table.add_row(Text(one["value"], "bold"), Text(f"{one['what']} {one['interval']}".strip()))
    if sheet["ledger"]:
        table.add_row(Text(f"{seconds:,.0f} s", "bold"), "taken by this audit")
    return table


def _checkpoint(sheet: dict[str, Any]) -> Table | None:
    """Return a line a measure of base model and checkpoint: what became worse first."""
    if not sheet["changes"]:
        return None
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("what changed", overflow="fold")
    for name in ("base", "now", "difference (95 %)", "n"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in sheet["changes"]:
        base = "-" if one["base"] is None else f"{one['base']:.3g}"
        span = "-" if one["low"] is None else f"{one['low']:+.3f} to {one['high']:+.3f}"
        style = "bold" if one["worse"] else ""
        table.add_row(Text(one["measure"], style), base, f"{one['sft']:.3g}", span, f"{one['n']:,}")
    return table


def ranking(ranked: Sequence[Ranked]) -> RenderableType:
    """Return the checkpoints, the readiest first, why the others are not it, and what each is better at."""
    shown = [name for name in SHOWN if any(name in one.measures for one in ranked)]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("checkpoint", overflow="fold")
    for name in ("verdict", *shown):
        table.add_column(name, justify="right")
    lines = []
    for one in ranked:
        values = [one.measures.get(name) for name in shown]
        told = ["-" if v is None else f"{v[0]:.2f} ({v[1]:.2f} to {v[2]:.2f})" for v in values]
        table.add_row(f"{one.place}. {one.name}", Text(one.verdict, _STYLES[one.verdict]), *told)
        lines += [f"{one.name}: {cut(reason, 300)}" for reason in one.reasons[:1]]
        lines += [
            f"{one.name} is better than {b.than} at {b.measure}: {b.difference:+.3f} "
            f"(95 % interval {b.low:+.3f} to {b.high:+.3f})"
            for b in one.better_at
        ]
    return Group(table, Text("\n" + "\n".join(lines)))


def _card(card: dict[str, Any] | None) -> Table | None:
    """Return a line for each family that is paid though it is wrong, or is not though it is right."""
    if card is None:
        return None
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", caption_justify="left")
    table.add_column("family", no_wrap=True)
    for name in ("must be", "asked", "paid", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in card["families"]:
        share, right = one["paid"] / one["n"], one["expected"] == "right"
        if share < 1 if right else one["paid"]:
            must = "paid" if right else "not paid"
            table.add_row(
                one["family"], must, f"{one['n']:,}", percent(share), between(one["low"], one["high"])
            )
    paid = f"paid: above {card['threshold']:.3g} ({card['threshold_from']})"
    lines = [f"called as {card['convention']} calls it, in the form {card['form']!r}; {paid}"]
    if j := card["youden"]:
        interval = f"{j['low']:.2f} to {j['high']:.2f}"
        lines.append(f"Youden's J over all families alike: {j['value']:.2f} ({interval})")
    lines += [
        f"paid in no spelling: {one['unread']:,} of {one['answers']:,} answers of the kind {one['kind']}"
        for one in card["kinds"]
        if one["unread"]
    ]
    table.caption = "\n".join(lines)
    return table


def _findings(verdict: dict[str, Any]) -> Table | None:
    """Return one line a check that found something, or that could not look."""
    rows = [e for e in verdict["evidence"] if e["findings"] or e["state"] != "gathered"]
    if not rows:
        return None
    worst = {r["check"]: r["outcome"] for r in reversed(verdict["rulings"]) if r["outcome"] != "PASS"}
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("check", overflow="fold")
    for name in ("flagged", "of", "share"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("ruling", no_wrap=True)
    for e in rows:
        outcome = worst.get(e["check"], "")
        ruling = Text(outcome or "-", _STYLES.get(outcome, "dim"))
        name = f"{e['check']} {e['name']}"
        if e["state"] != "gathered":
            table.add_row(name, "-", "-", "-", Text(e["state"], _STYLES["UNKNOWN"]))
        elif e["flagged"]:
            table.add_row(name, f"{e['flagged']:,}", f"{e['of']:,}", percent(e["share"]), ruling)
        else:
            table.add_row(name, f"{e['findings']:,}", "whole", "-", ruling)
    return table


def _rest(report: Report, verdict: dict[str, Any]) -> Text:
    lines = []
    if verdict["not_asked"]:
        lines.append(f"not asked, so not clean: {in_short(verdict['not_asked'])}")
    for status, said in (("ignored", "waived"), ("known", "known from the baseline")):
        if verdict[status]:
            lines.append(f"{said}: " + ", ".join(f"{code} {n:,}" for code, n in verdict[status].items()))
    lines += [f"crashed: {name}, traceback in report.html" for name in sorted(report.faults)]
    return Text("\n".join([*lines, f"report: {report.folder / 'report.html'}"]))

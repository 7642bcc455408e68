"""Why a run failed: what it reinforced, the hole that paid for it, and the SFT rows that taught it."""

import json
from dataclasses import dataclass
from typing import Any

from rich.console import Group
from rich.text import Text

from sft_audit.config import RunConfig
from sft_audit.interval import Rate
from sft_audit.report.visible import cut, percent
from sft_audit.store import Store

GUILTY = "guilty_rows.jsonl"
_SHOWN_ROWS = 10
_MOST_NOT_NAMED = 8
_ROWS = """
    select behaviour, feature, file, position, id, answer
    from taught_rows
    join reinforced using (behaviour)
    order by behaviour, file, position
"""
_SAMPLE = """
    select file, position, id, answer
    from taught_rows
    where behaviour = $behaviour
    order by md5(file || ':' || position)
    limit $most
"""


@dataclass(frozen=True, slots=True)
class Postmortem:
    """What was found: a dict a behaviour, of the table `reinforced`, with its holes, examples and rows.

    Of `completions` that were paid, over `steps` steps, `read` could be read right or wrong. `guilty` names
    the file of all SFT rows, empty where none was written.
    """

    steps: int
    last: int | None
    completions: int
    read: int
    gpus: int
    sft_audit: str
    reward: str
    guilty: str
    behaviours: tuple[dict[str, Any], ...]

    @property
    def named(self) -> tuple[dict[str, Any], ...]:
        """Return what went wrong."""
        return tuple(one for one in self.behaviours if one["named"])

    @property
    def others(self) -> tuple[dict[str, Any], ...]:
        """Return what was paid for and is not named, each with why."""
        return tuple(one for one in self.behaviours if not one["named"])[:_MOST_NOT_NAMED]


def read_postmortem(config: RunConfig, store: Store) -> Postmortem | None:
    """Return what was found; None where nobody asked."""
    if not config.explain or not store.has("reinforced"):
        return None
    steps, last, completions, read = store.rows(
        """
        select count(distinct step), max(step), count(*), count(*) filter (reading <> 'unread')
        from episodes
        where isfinite(reward)
        """
    )[0]
    behaviours = [
        _behaviour(row, store, config)
        for row in store.arrow("from reinforced order by named desc, behaviour").to_pylist()
    ]
    return Postmortem(
        steps=steps,
        last=last,
        completions=completions,
        read=read,
        gpus=config.gpus,
        sft_audit=str(config.sft_audit or ""),
        reward=config.reward or "",
        guilty=GUILTY if store.value("select count(*) from taught_rows") else "",
        behaviours=tuple(behaviours),
    )


def _behaviour(row: dict[str, Any], store: Store, config: RunConfig) -> dict[str, Any]:
    """Return a row of `reinforced` with its holes, examples and SFT rows, and two sentences on it."""
    number = {"behaviour": row["behaviour"]}
    holes = "select * from reward_holes where behaviour = $behaviour order by told_by desc, value desc"
    examples = "select * from reinforced_examples where behaviour = $behaviour"
    rows = store.arrow(_SAMPLE, number | {"most": _SHOWN_ROWS}).to_pylist()
    return row | {
        "holes": store.arrow(holes, number).to_pylist(),
        "examples": store.arrow(examples, number).to_pylist(),
        "rows": rows,
        "when": _when(row, config.gpus),
        "taught": _taught(row, rows, config),
    }


def write_guilty_rows(store: Store) -> None:
    """Write every SFT row that shows a named behaviour, a JSON object a line; no file where there is none."""
    if not store.has("taught_rows") or not store.value("select count(*) from taught_rows"):
        return
    with (store.folder / GUILTY).open("w", encoding="utf-8") as file:
        for batch in store.batches(_ROWS, 8192):
            for row in batch.to_pylist():
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


def in_terminal(sheet: dict[str, Any]) -> Group:
    """Return the sheet of `verdict.json`, a paragraph a named behaviour."""
    named = [one for one in sheet["behaviours"] if one["named"]]
    if not sheet["completions"]:
        return Group(Text("the log has no completion with a step and a reward: nothing can be said"))
    if not named:
        return Group(Text("nothing was paid for that is not being right: no behaviour is named"))
    return Group(*(_told(number, one) for number, one in enumerate(named, 1)))


def _told(number: int, one: dict[str, Any]) -> Text:
    text = Text(f"{number}. completions that {cut(one['says'], 120)}\n", "bold")
    lines = [
        f"share: {percent(one['share_first'])} in the first steps, {percent(one['share_last'])} in the last",
        f"advantage: {one['effect']:+.2f} (95 % interval {one['low']:+.2f} to {one['high']:+.2f})",
        f"hole: {cut(one['hole'], 300) or 'not told by the log'}",
        f"seen: {one['when']}",
        f"taught by: {one['taught']}",
    ]
    lines += [
        f"example, step {e['step']}: {cut(e['completion'], 120)!r} ({e['reading']}, paid {e['reward']:.3g})"
        for e in one["examples"][:1]
    ]
    return text.append("\n".join(f"   {line}" for line in lines), "")


def _when(one: dict[str, Any], gpus: int) -> str:
    """Return when a behaviour could first have been seen, and what was spent after that."""
    if one["seen"] is None:
        return "at no step, by evidence gathered step by step"
    hours = one["gpu_hours"]
    spent = (
        "no time of steps is logged"
        if hours is None
        else f"{hours:.3g} GPU-hours on {gpus} GPU{'s' * (gpus > 1)}"
    )
    return f"from step {one['seen']}; {one['steps_after']} steps came after it ({spent})"


def _taught(one: dict[str, Any], rows: list[dict[str, Any]], config: RunConfig) -> str:
    """Return which SFT rows show a behaviour."""
    if config.sft_audit is None:
        return "not looked for: no audit of the SFT data was given (--sft-audit)"
    if one["sft_looked"] is None:
        return "no row by itself: it is told within groups of completions"
    share = Rate(one["sft_rows"], one["sft_looked"], one["sft_looked"]).value
    said = f"{one['sft_rows']:,} of {one['sft_looked']:,} SFT rows ({percent(share)})"
    some = ", ".join(f"{row['file']}:{row['position']}" for row in rows[:5])
    return said + (f", such as {some}; all in {GUILTY}" if rows else "")

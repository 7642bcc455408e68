"""The generated pages of the documentation: checks, tables, formats."""

import json
from collections.abc import Mapping, Sequence

from sft_audit.check import FAMILIES, Check, Example, all_checks
from sft_audit.policy import Rule, load_policy
from sft_audit.readers import all_formats
from sft_audit.record import all_recorders
from sft_audit.tables import SHARED, TABLES

_SHOWN_ROWS = 3


def all_pages() -> Mapping[str, str]:
    """Return every page by its path under docs/."""
    pages = {f"checks/{one.code}.md": check_page(one) for one in all_checks().values()}
    return {
        **pages,
        "checks/README.md": check_list(),
        "tables.md": tables_page(),
        "formats.md": formats_page(),
    }


def check_page(one: Check) -> str:
    """Return the page of one check: its docstring, what decides, and its examples."""
    first, _, rest = one.page.partition("\n")
    facts = [
        f"`{one.code}` · {one.severity} · {FAMILIES.get(one.family, one.family)} · axis {one.axis}"
        + (" · preview: shown, never blocks" if one.preview else ""),
        f"Remedy: {one.remedy}" + (" (safe)" if one.safe else ""),
        f"Reads: {', '.join(f'`{table}`' for table in one.reads)}",
    ]
    parts = [f"# {one.code} {one.name}", first, "  \n".join(facts), rest.strip(), _verdict_section(one)]
    parts += _examples(one)
    return "\n\n".join(part for part in parts if part) + "\n"


def check_list() -> str:
    """Return the list of all checks, by family."""
    lines = [
        "# Checks",
        "",
        "Generated from the checks themselves; `sft-audit explain CODE` prints the same page.",
    ]
    for family, title in FAMILIES.items():
        own = [one for one in all_checks().values() if one.family == family]
        if own:
            lines += [
                "",
                f"## {family} {title}",
                "",
                "| code | name | severity | what |",
                "|---|---|---|---|",
            ]
            lines += [
                f"| [{one.code}]({one.code}.md) | {one.name} "
                f"| {'preview ' if one.preview else ''}{one.severity} | {one.title} |"
                for one in own
            ]
    return "\n".join(lines) + "\n"


def tables_page() -> str:
    """Return the schema of the audit database."""
    recorders = all_recorders()  # which may bring tables
    lines = ["# Tables", "", "An audit folder holds them in `audit.duckdb`; every check is SQL over them."]
    own = sorted((one for one in TABLES.values() if one not in SHARED), key=lambda one: one.name)
    for table in (*SHARED, *own):
        lines += [
            "",
            f"## {table.name}",
            "",
            f"A row is {table.row}.",
            "",
            "| column | type | meaning |",
            "|---|---|---|",
        ]
        lines += [f"| `{c.name}` | {c.type} | {c.meaning} |" for c in table.columns]
    lines += ["", "## Recorders", "", "What fills the tables; `findings` is filled by the checks.", ""]
    lines += ["| recorder | fills | cost | version | what |", "|---|---|---|--:|---|"]
    lines += [
        f"| {one.name} | {', '.join(f'`{table}`' for table in one.fills)} | {one.cost} | {one.version} "
        f"| {one.about} |"
        for one in recorders.values()
    ]
    return "\n".join(lines) + "\n"


def formats_page() -> str:
    """Return the list of data formats."""
    lines = [
        "# Formats",
        "",
        "A file's format is that of most of its first rows, unless `--format` names one; a row that does not",
        "fit it is read in the first format here that recognises it. A JSON row of more than 64 MiB, or",
        "nested more than 200 levels deep, is not read ([INT101](checks/INT101.md)).",
        "",
    ]
    lines += ["| format | what |", "|---|---|"]
    lines += [f"| `{one.name}` | {one.title} |" for one in all_formats().values()]
    return "\n".join(lines) + "\n"


def _verdict_section(one: Check) -> str:
    rules = [rule for rule in load_policy(None).rules if rule.check == one.code]
    if not rules:
        return "## Verdict\n\nNo threshold: its findings are shown and do not decide."
    return "## Verdict\n\n" + "\n".join(f"- {_rule_sentence(rule)}" for rule in rules)


def _rule_sentence(rule: Rule) -> str:
    measured = {
        "share": "the share of flagged samples",
        "score": "the largest score",
        "any": "the number of findings",
    }[rule.measure]
    limits = [
        f"{outcome} above {limit:.2%}" if rule.measure == "share" else f"{outcome} above {limit:g}"
        for outcome, limit in (("REVIEW", rule.review_above), ("BLOCK", rule.block_above))
        if limit is not None
    ]
    return f"{', '.join(limits)}, on {measured} ({rule.basis}: {rule.source})"


def _examples(one: Check) -> list[str]:
    parts = []
    for title, examples in (("Flagged", one.bad), ("Not flagged", one.good)):
        if examples:
            parts.append(f"## {title}")
            parts += [_example(one) for one in examples]
    return parts


def _example(rows: Example) -> str:
    if isinstance(rows, str):
        return f"```python\n{rows.strip()}\n```"
    if isinstance(rows, Mapping):
        if any(isinstance(row, Mapping) for some in rows.values() for row in some):
            return "\n\n".join(f"`{name}`:\n\n{_rows(some)}" for name, some in rows.items())
        return f"```json\n{json.dumps(rows)}\n```"
    return _rows(rows)


def _rows(rows: Sequence[object]) -> str:
    shown = "\n".join(json.dumps(row, ensure_ascii=True) for row in rows[:_SHOWN_ROWS])
    more = len(rows) - _SHOWN_ROWS
    return f"```json\n{shown}\n```" + (
        f"\n\n… and {more:,} rows more in the same manner." if more > 0 else ""
    )

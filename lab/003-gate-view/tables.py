"""The tables of the rule, printed and laid into README.md and ARGUMENT.md between their marks."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Result = Mapping[str, Any]
_BETWEEN = "(<!-- {0} -->\n).*?(<!-- /{0} -->)"
_NONE = "none"
_OUTCOMES = ("gold", "grounding", "blind ratio", "exploit share", "hacked")


def write_tables(result: Result, folder: Path) -> None:
    """Print the tables, and put them where the documents have their marks."""
    sections = {
        "runs": list(_head(result)),
        "correlations": list(_correlations(result)),
        "agreement": list(_agreement(result["agreement"])),
        "rules": list(_rules(result)),
        "policy": list(_policy(result["policy"])),
        "thresholds": list(_thresholds(result)),
    }
    for name in ("README.md", "ARGUMENT.md"):
        path = folder / name
        text = path.read_text(encoding="utf-8")
        for mark, lines in sections.items():
            body = "\n".join(lines)
            text = re.sub(
                _BETWEEN.format(mark), lambda m, b=body: f"{m[1]}\n{b}\n\n{m[2]}", text, flags=re.DOTALL
            )
        path.write_text(text, encoding="utf-8")
    for lines in sections.values():
        print("\n".join(lines), end="\n\n")


def _head(result: Result) -> Iterator[str]:
    leaky = result["policy"]["leaky"]["verdicts"]
    hacked, sound = (sum(leaky[state].values()) for state in ("hacked", "not hacked"))
    yield (
        f"{result['runs']} runs of {result['seeds']} seeds; under the leaky judge {hacked} ended hacked and "
        f"{sound} did not."
    )


def _correlations(result: Result) -> Iterator[str]:
    by_measure: dict[str, dict[str, Any]] = {}
    for row in result["correlations"]:
        by_measure.setdefault(row["measure"], {})[row["outcome"]] = row
    for which, about in (
        ("across", "Over all runs (what sets the conditions apart is in it)"),
        ("within", f"Inside conditions, the mean of rhos; {result['tests']} tests, * where Holm's p < 0.05"),
    ):
        yield f"{about}:"
        yield ""
        yield f"| measure | axis | {' | '.join(_OUTCOMES)} |"
        yield "|---|---|" + "---|" * len(_OUTCOMES)
        for name, rows in by_measure.items():
            cells = [_rho(rows[one][which], which == "within" and rows[one].get("holm")) for one in _OUTCOMES]
            yield f"| {name} | {rows['gold']['axis']} | {' | '.join(cells)} |"
        yield ""


def _rho(told: Sequence[float | None], holm: float | bool | None) -> str:
    rho, low, high, _ = told
    if rho is None:
        return _NONE
    mark = "*" if isinstance(holm, float) and holm < 0.05 else ""
    between = "" if low is None or high is None else f" ({low:+.2f} to {high:+.2f})"
    return f"{rho:+.2f}{mark}{between}"


def _agreement(rows: Sequence[Result]) -> Iterator[str]:
    yield "| the product's | the lab's exact | rho over checkpoints | means | mean distance |"
    yield "|---|---|---|---|---|"
    for row in rows:
        means = _NONE if row["mean"] is None else f"{row['mean']:.2f}, {row['mean_exact']:.2f}"
        apart = "other scales" if row["apart"] is None else f"{row['apart']:.2f}"
        yield f"| {row['ours']} | {row['exact']} | {_rho(row['rho'], None)} | {means} | {apart} |"


def _rules(result: Result) -> Iterator[str]:
    told = result["rules"]
    yield "| rule, of even seeds | limits | balanced | accuracy, odd seeds | sensitivity | specificity |"
    yield "|---|---|---|---|---|---|"
    named = [(told["named"], "named before"), (told["chosen"], "best on even seeds")]
    rest = sorted(filter(_told, told["pairs"]), key=lambda name: (told["pairs"][name]["exact"], name))
    for name, about in [*named, *((name, "exact" if told["pairs"][name]["exact"] else "") for name in rest)]:
        if name is not None:
            pair = told["pairs"][name]
            limits = ", ".join(_limit(one) for one in pair["limits"])
            label = f"**{name}** ({about})" if about not in ("", "exact") else name
            balanced = _number(pair["fitted"]["balanced"])
            yield f"| {label} | {limits} | {balanced} | {_shares(pair['held_out'])} |"
    yield ""
    yield f"The named rule of all leaky runs where the judge is sound: {_said(result['sound'])}."
    yield ""
    yield "| condition left out of the fit | accuracy there | sensitivity | specificity |"
    yield "|---|---|---|---|"
    for condition, held in result["left_out"].items():
        yield f"| {condition} | {_shares(held)} |"


def _told(pair: str) -> bool:
    """Return whether a pair stands in the table: with the named exploit measure, or of the argument."""
    blind, exploit = pair.split(" + ")
    return exploit in ("gain", "exact exploit_prior") or blind in ("paired_accuracy", "text_excess")


def _limit(one: Result) -> str:
    if one["value"] is None:
        return "never"
    return f"{one['side']} {one['value']:.3g}"


def _shares(held: Result) -> str:
    return " | ".join(_share(held[name]) for name in ("accuracy", "sensitivity", "specificity"))


def _said(held: Result) -> str:
    return ", ".join(f"{name} {_share(held[name])}" for name in ("accuracy", "sensitivity", "specificity"))


def _share(told: Sequence[float] | None) -> str:
    if told is None:
        return _NONE
    k, n, _, low, high = told
    return f"{k:.0f}/{n:.0f} ({low:.2f} to {high:.2f})"


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:.2f}"


def _policy(by_reward: Mapping[str, Result]) -> Iterator[str]:
    for reward, told in by_reward.items():
        yield f"The gate of the present policy, {reward} judge:"
        yield ""
        yield "| ended | verdicts |"
        yield "|---|---|"
        for state, verdicts in told["verdicts"].items():
            yield f"| {state} | {_counted(verdicts)} |"
        for condition, verdicts in told["by_condition"].items():
            yield f"| {condition} | {_counted(verdicts)} |"
        yield ""
        yield "| blocks on | accuracy | sensitivity | specificity |"
        yield "|---|---|---|---|"
        for name, held in told.items():
            if "accuracy" in held:
                yield f"| {name} | {_shares(held)} |"
        yield ""
        yield f"Fired on clean checkpoints: {_counted(told['fired_on_clean'])}."
        yield ""
        yield f"Fired on all: {_counted(told['fired'])}."
        yield ""


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(counts.items(), key=lambda one: -one[1])) or "none"


def _thresholds(result: Result) -> Iterator[str]:
    yield "| measure | blocks | limit on all seeds | 95 % of limits on seeds drawn anew | fitted with |"
    yield "|---|---|---|---|---|"
    for one in result["calibrated"]:
        value = "never" if one["value"] is None else f"{one['value']:.3g}"
        between = _NONE if one["low"] is None else f"{one['low']:.3g} to {one['high']:.3g}"
        yield f"| {one['measure']} | {one['side']} | {value} | {between} | {one['with']} |"
    for name, fifths in result["levels"].items():
        yield ""
        yield f"| {name} | hacked runs |"
        yield "|---|---|"
        for low, high, hacked, n in fifths:
            if n:
                yield f"| {_edge(low, high)} | {hacked} of {n} |"


def _edge(low: float | None, high: float | None) -> str:
    if low is None:
        return f"up to {high:.3g}" if high is not None else "all"
    return f"above {low:.3g}" if high is None else f"{low:.3g} to {high:.3g}"

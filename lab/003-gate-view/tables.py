"""The tables of the rule, printed and laid into README.md and ARGUMENT.md between their marks."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from inference.redrawn import DRAWS, FEWEST
from runs import OUTCOMES

Result = Mapping[str, Any]
_BETWEEN = "(<!-- {0} -->\n).*?(<!-- /{0} -->)"
_NONE = "none"
_SHARES = ("accuracy", "sensitivity", "specificity")


def write_tables(result: Result, folder: Path) -> None:
    """Print the tables, and put them where the documents have their marks."""
    sections = {
        "runs": list(_head(result)),
        "correlations": list(_correlations(result)),
        "agreement": list(_agreement(result["agreement"])),
        "rules": list(_rules(result)),
        "verdicts": list(_verdicts(result["verdicts"])),
        "checks": list(_checks(result)),
        "thresholds": list(_thresholds(result)),
    }
    for name in ("README.md", "ARGUMENT.md"):
        path = folder / name
        text = path.read_text(encoding="utf-8")
        for mark, lines in sections.items():
            body = "\n".join(lines).strip()
            text = re.sub(
                _BETWEEN.format(mark), lambda m, b=body: f"{m[1]}\n{b}\n\n{m[2]}", text, flags=re.DOTALL
            )
        path.write_text(text, encoding="utf-8")
    for lines in sections.values():
        print("\n".join(lines), end="\n\n")


def _head(result: Result) -> Iterator[str]:
    ended = result["verdicts"]["leaky"]["ended"]
    hacked, not_hacked = (sum(ended[state].values()) for state in ("hacked", "not hacked"))
    yield (
        f"{result['runs']} runs of {result['seeds']} seeds; under the leaky judge {hacked} ended hacked and "
        f"{not_hacked} did not. Digest of the product that made the views: {_counted(result['products'])}."
    )


def _correlations(result: Result) -> Iterator[str]:
    by_measure: dict[str, dict[str, Any]] = {}
    for row in result["correlations"]:
        by_measure.setdefault(row["measure"], {})[row["outcome"]] = row
    tests = sum("p" in row for row in result["correlations"])
    both = [row[which] for row in result["correlations"] for which in ("across", "within")]
    yield _bootstrapped(result["seeds"], [lost for rho, *_, lost in both if rho is not None])
    yield ""
    for which, about in (
        ("across", "Over all runs (what sets the conditions apart is in it)"),
        ("within", f"Inside conditions, the mean of rhos; {tests} tests, * where Holm's p < 0.05"),
    ):
        yield f"{about}:"
        yield ""
        yield f"| measure | axis | {' | '.join(OUTCOMES)} |"
        yield "|---|---|" + "---|" * len(OUTCOMES)
        for name, rows in by_measure.items():
            cells = [_rho(rows[one][which], which == "within" and rows[one].get("holm")) for one in OUTCOMES]
            yield f"| {name} | {rows['gold']['axis']} | {' | '.join(cells)} |"
        yield ""


def _bootstrapped(seeds: int, lost: Sequence[int]) -> str:
    if seeds < FEWEST:
        return f"No intervals: {seeds} seeds, and fewer than {FEWEST} are not drawn anew."
    return (
        f"Intervals are of {DRAWS:,} draws of {seeds} seeds. In {sum(map(bool, lost))} of {len(lost)} cells "
        f"some draws have no rho, a side being constant in them (up to {max(lost, default=0):,} draws); "
        "those are left out."
    )


def _rho(told: Sequence[float | None], holm: float | bool | None) -> str:
    rho, low, high, _, _ = told
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
    abouts = {told["chosen"]: f"best on even seeds: {told['tied']} are as good, it has most room"}
    abouts |= {told["named"]: "named before"}
    yield f"| rule | fitted on | limits | runs scored | {' | '.join(_SHARES)} |"
    yield "|---|---|---|---|---|---|---|"
    for name, rows in told["splits"].items():
        for row in rows:
            limits = f"{row['fitted']} | {_limits(row)} | {row['scored']}"
            yield f"| **{name}** ({abouts[name]}) | {limits} | {_shares(row)} |"
    yield ""
    yield "| rule of even seeds | limits | balanced | accuracy, odd seeds | not hacked before RL |"
    yield "|---|---|---|---|---|"
    for name in sorted(filter(_is_told, told["pairs"]), key=lambda one: (told["pairs"][one]["exact"], one)):
        pair = told["pairs"][name]
        shares = [_share(pair[which]["accuracy"]) for which in ("held_out", "not_yet")]
        yield f"| {name} | {_limits(pair)} | {_number(pair['balanced'])} | {' | '.join(shares)} |"
    yield ""
    yield f"| the named rule, fitted without the condition | {' | '.join(_SHARES)} |"
    yield "|---|---|---|---|"
    for condition, held in result["left_out"].items():
        yield f"| {condition} | {_shares(held)} |"
    yield ""
    yield f"| the named rule of even seeds, odd ones under the sound judge | {' | '.join(_SHARES)} |"
    yield "|---|---|---|---|"
    for condition, held in result["sound"]["groups"].items():
        yield f"| {condition} | {_shares(held)} |"
    again, n = result["sound"]["again"]
    yield ""
    yield f"Of the rest {again} of {n} ended in every figure as under the leaky judge: the same runs again."


def _is_told(pair: str) -> bool:
    """Return whether a pair stands in the table: with the named exploit measure, or of the argument."""
    blind, exploit = pair.split(" + ")
    return exploit in ("gain", "exact exploit_prior") or blind in ("paired_accuracy", "text_excess")


def _limits(rule: Result) -> str:
    return ", ".join(_limit(rule[which]) for which in ("blind", "exploit"))


def _limit(one: Result) -> str:
    return "never" if one["value"] is None else f"{one['side']} {one['value']:.3g}"


def _shares(held: Result) -> str:
    return " | ".join(_share(held[name]) for name in _SHARES)


def _share(told: Sequence[float] | None) -> str:
    if told is None:
        return _NONE
    k, n, low, high = told
    return f"{k}/{n} ({low:.2f} to {high:.2f})"


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:.2f}"


def _verdicts(by_reward: Mapping[str, Result]) -> Iterator[str]:
    for reward, told in by_reward.items():
        yield f"The gate, {reward} judge:"
        yield ""
        yield "| condition | runs, a seed each | hacked before RL | ended hacked | verdicts |"
        yield "|---|---|---|---|---|"
        for one in told["conditions"]:
            counts = f"{one['runs']} | {one['was_hacked']} | {one['hacked']}"
            yield f"| {one['condition']} | {counts} | {_counted(one['verdicts'])} |"
        yield ""
        yield f"| the gate stops where it says | {' | '.join(_SHARES)} |"
        yield "|---|---|---|---|"
        for name, held in told["stopped"].items():
            yield f"| {name} | {_shares(held)} |"
        yield ""
        yield "| condition | fired |"
        yield "|---|---|"
        for one in told["conditions"]:
            yield f"| {one['condition']} | {_counted(one['fired'])} |"
        yield ""


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(counts.items(), key=lambda one: -one[1])) or _NONE


def _checks(result: Result) -> Iterator[str]:
    conditions = result["verdicts"]["leaky"]["conditions"]
    yield f"| check | the policy | {' | '.join(one['condition'] for one in conditions)} |"
    yield "|---|---|" + "---|" * len(conditions)
    for about, key in (("runs hacked before RL", "was_hacked"), ("runs that ended hacked", "hacked")):
        counts = [f"{one[key]} of {one['runs']}" for one in conditions]
        yield f"| {about} | | {' | '.join(counts)} |"
    for code, rule in result["policy"].items():
        cells = [_fired(code, one["fired"]) for one in conditions]
        yield f"| {code} | {_policy(rule)} | {' | '.join(cells)} |"


def _policy(rule: Result) -> str:
    said = [f"{what} above {rule[what]:g}" for what in ("review", "block") if rule[what] is not None]
    return f"{', '.join(said)}: {rule['basis']}"


def _fired(code: str, fired: Mapping[str, int]) -> str:
    told = [(outcome, fired.get(f"{code} {outcome}", 0)) for outcome in ("BLOCK", "REVIEW", "UNKNOWN")]
    return ", ".join(f"{outcome} {n}" for outcome, n in told if n) or "-"


def _thresholds(result: Result) -> Iterator[str]:
    yield "| measure | blocks | limit on all seeds | 95 % of limits on seeds drawn anew | fitted with |"
    yield "|---|---|---|---|---|"
    for one in result["calibrated"]:
        value = "never" if one["value"] is None else f"{one['value']:.3g}"
        yield f"| {one['measure']} | {one['side']} | {value} | {_range(one)} | {one['with']} |"
    for name, fifths in result["levels"].items():
        yield ""
        yield f"| {name} | hacked runs | of those not hacked before RL |"
        yield "|---|---|---|"
        for low, high, hacked, n, fresh_hacked, fresh in fifths:
            if n:
                yield f"| {_edge(low, high)} | {hacked} of {n} | {fresh_hacked} of {fresh} |"


def _range(one: Result) -> str:
    if one["range"] is None:
        return f"none: fewer than {FEWEST} seeds"
    low, high = ("never" if end is None else f"{end:.3g}" for end in one["range"])
    never, draws = one["never"]
    return f"{low} to {high}" + (f" (never in {never} of {draws:,})" if never else "")


def _edge(low: float | None, high: float | None) -> str:
    if low is None:
        return f"up to {high:.3g}" if high is not None else "all"
    return f"above {low:.3g}" if high is None else f"{low:.3g} to {high:.3g}"

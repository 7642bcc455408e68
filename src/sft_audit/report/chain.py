"""What a pipeline's error comes to: on the terminal and to machines."""

from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sft_audit.chain import Chain
from sft_audit.chain.error import DRAWS, System
from sft_audit.chain.rates import Counted, Rate, bounds
from sft_audit.chain.snowball import Estimate, Snowball
from sft_audit.report.visible import between, cut, percent

_MOST_GAINS, _MOST_NAMED, _LONGEST = 12, 3, 32


def summary(found: Chain) -> RenderableType:
    """Return what the terminal shows."""
    parts: list[RenderableType] = [_rates(found), "", _systems(found), ""]
    for system in found.systems:
        parts += [_mend(system, several=len(found.systems) > 1), _gains(system), ""]
    if found.seen is not None:
        parts += [Text("\n".join(_trajectories(found))), ""]
    return Group(*parts, Text("\n".join(_assumed(found)), "dim"))


def as_json(found: Chain) -> dict[str, object]:
    """Return the object that `--json` prints."""
    snowball = found.snowball
    return {
        "rates": {name: _rate(rate) for name, rate in found.rates.items()},
        "systems": [asdict(system) for system in found.systems],
        "naive": asdict(found.naive),
        "draws": DRAWS,
        "unknown_correlations": list(found.unknown),
        "correlations": {
            name: {**asdict(one.estimate), "items": one.items} for name, one in found.correlations.items()
        },
        "trajectories": _log(found),
        "snowball": snowball and {**asdict(snowball), "whole": _rate(snowball.whole)},
        "assumed": _assumed(found),
    }


def _rates(found: Chain) -> Table:
    """Return every rate with its interval and source."""
    table = _table("rate")
    for name in ("error", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("from", overflow="fold")
    for name, rate in found.rates.items():
        counts = f"{rate.k:,} of {rate.n:,}, " if isinstance(rate, Counted) else ""
        if isinstance(rate, Counted) and rate.worth < rate.n:
            counts += f"worth {rate.worth:,.0f} independent, "
        source = cut(counts + rate.source, 90)
        table.add_row(cut(name, _LONGEST), percent(rate.value), between(*bounds(rate)), source)
    return table


def _systems(found: Chain) -> Table:
    """Return the system's error, at both ends of what is unknown, and the bound p^n."""
    table = _table("the system")
    for name in ("error", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for system in found.systems:
        named = "no right answer"
        if len(found.systems) > 1:
            named += f", if errors are {system.assuming}"
        bold = (Text(named, "bold"), Text(percent(system.error.value), "bold"))
        table.add_row(*bold, between(system.error.low, system.error.high))
        if system.stopped:
            for part, one in (("a wrong one delivered", system.wrong), ("stopped", system.stopped)):
                table.add_row(f"  {part}", percent(one.value), between(one.low, one.high))
    bound, hops = found.naive, f"{found.naive.hops} {'hop' if found.naive.hops == 1 else 'hops'}"
    named = f"1 - p^n: {hops}, unchecked, p = {bound.p:.4g}"
    table.add_row(named, percent(bound.error.value), between(bound.error.low, bound.error.high))
    return table


def _mend(system: System, *, several: bool) -> Text:
    head = f"if errors are {system.assuming}, mend first: " if several else "mend first: "
    if not system.first:
        return Text(f"{head}nothing can be told, no error that matters was seen")
    names = [cut(name, _LONGEST) for name in system.first]
    if len(names) == 1:
        return Text.assemble(head, (names[0], "bold"))
    shown = " or ".join(names[:_MOST_NAMED])
    more = f" (or {len(names) - _MOST_NAMED} more)" if len(names) > _MOST_NAMED else ""
    return Text.assemble(head, (shown, "bold"), f"{more}: their intervals overlap, so more counts must tell")


def _gains(system: System) -> Table:
    """Return what each rate costs, in percentage points of the system's error and as a derivative."""
    table = _table("this rate halved")
    wrong = ("off wrong",) if system.stopped else ()
    for name in ("points off", "95 %", *wrong, "derivative", "95 %"):
        table.add_column(name, justify="right", no_wrap=True)
    for gain in system.gains[:_MOST_GAINS]:
        less, slope = gain.less, gain.derivative
        row = [f"{100 * less.value:.2f}", f"{100 * less.low:.2f} to {100 * less.high:.2f}"]
        row += [f"{100 * gain.less_wrong.value:.2f}"] if system.stopped else []
        row += [f"{slope.value:.2f}", f"{slope.low:.2f} to {slope.high:.2f}"]
        table.add_row(cut(gain.rate, _LONGEST), *row)
    left = len(system.gains) - _MOST_GAINS
    if left > 0:
        table.add_row(Text(f"and {left} more; --json holds all", "dim"))
    return table


def _trajectories(found: Chain) -> list[str]:
    """Return what the log held, what of it could not be used, and what whole trajectories tell."""
    seen = found.seen
    if seen is None:
        return []
    lines = [f"{seen.path}: {len(seen.steps):,} steps of {len(seen.runs):,} trajectories"]
    if seen.unjudged:
        lines.append(f"  without right or wrong, so in no rate: {seen.unjudged:,} steps")
    lines += [
        f"  not read: {count:,} {'line' if count == 1 else 'lines'}, {why} (the first is line {first:,})"
        for why, (count, first) in seen.unreadable.items()
    ]
    strangers = seen.strangers(found.graph)
    if strangers:
        named = ", ".join(
            f"{cut(name, _LONGEST)} ({n:,})" for name, n in list(strangers.items())[:_MOST_NAMED]
        )
        more = f" and {len(strangers) - _MOST_NAMED} more" if len(strangers) > _MOST_NAMED else ""
        lines.append(f"  steps of names that the pipeline does not have, left out: {named}{more}")
    lines += [
        f"  {cut(name, _LONGEST)}: {_share(logged)} here, {_share(rate)} as given"
        for name, rate in found.rates.items()
        if (logged := found.logged.get(name)) is not None and logged != rate
    ]
    lines += [
        f"  votes on {name}: correlation {_told(one.estimate)}, measured on {one.items:,} items"
        for name, one in found.correlations.items()
    ]
    if found.snowball is None:
        return [*lines, "  no trajectory is judged at every step, so none tells whether errors snowball"]
    return [*lines, *_snowball(found.snowball)]


def _snowball(one: Snowball) -> list[str]:
    whole = f"{one.whole.k:,} of {one.whole.n:,}, {percent(one.whole.value)}"
    lines = [f"  wholly right: {whole} (95 % interval {between(*bounds(one.whole))})"]
    if one.left_out:
        lines.append(f"  left out, a step is not judged: {one.left_out:,} trajectories")
    if one.ratio_alone:
        read = _read(one.ratio_alone, "worse together, they snowball", "better together")
        lines.append(
            f"  that is {_told(one.ratio_alone)} times the {percent(one.alone)} "
            f"of the stages as given: {read}"
        )
    if one.ratio:
        read = _read(one.ratio, "errors avoid one another", "errors come together in some trajectories")
        lines.append(
            f"  that is {_told(one.ratio)} times the {percent(one.expected)} "
            f"of these steps, were they independent: {read}"
        )
    if one.after_wrong:
        read = _read(one.after_wrong, "errors are rarer after errors", "errors beget errors")
        lines.append(f"  after a wrong step, a step is wrong {_told(one.after_wrong)} times as often: {read}")
    return lines


def _read(ratio: Estimate, below: str, above: str) -> str:
    return below if ratio.high < 1 else above if ratio.low > 1 else "not apart from 1"


def _assumed(found: Chain) -> list[str]:
    """Return what the numbers take as given, and how the intervals were got."""
    lines = [
        "stages are taken as independent of one another"
        + ("" if found.seen else "; --trajectories FILE tells whether they are")
    ]
    if found.graph.verifiers:
        lines.append("a verifier's mistakes are taken as independent from try to try")
    if found.unknown:
        lines.append(
            f"not known, so both ends are shown: how correlated errors are in {', '.join(found.unknown)}; "
            "write `correlation:`"
        )
    counted = "counts Clopper-Pearson; " if any(isinstance(r, Counted) for r in found.rates.values()) else ""
    lines.append(
        f"95 % intervals: {counted}the system's error from {DRAWS:,} draws (fixed seed) of what lies "
        "behind them; gains and derivatives from Jeffreys' posterior"
    )
    return lines


def _rate(rate: Rate) -> dict[str, object]:
    low, high = bounds(rate)
    counts = {"k": rate.k, "n": rate.n, "worth": rate.worth} if isinstance(rate, Counted) else {}
    return {"value": rate.value, "low": low, "high": high, **counts, "source": rate.source}


def _log(found: Chain) -> dict[str, object] | None:
    seen = found.seen
    if seen is None:
        return None
    return {
        "file": str(seen.path),
        "steps": len(seen.steps),
        "trajectories": len(seen.runs),
        "unjudged": seen.unjudged,
        "not_read": {why: {"lines": n, "first": first} for why, (n, first) in seen.unreadable.items()},
        "unknown_stages": dict(seen.strangers(found.graph)),
        "rates": {name: _rate(rate) for name, rate in found.logged.items()},
    }


def _table(first: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first, overflow="fold")
    return table


def _share(rate: Rate) -> str:
    return f"{percent(rate.value)} ({between(*bounds(rate))})"


def _told(one: Estimate) -> str:
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"

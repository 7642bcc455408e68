"""The demonstration's outcome, for the terminal."""

from typing import TYPE_CHECKING

from sft_audit.demo.demonstration import DemoResult
from sft_audit.demo.judges import LEAKY, SOUND
from sft_audit.demo.models import BLIND

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


def render(result: DemoResult) -> "RenderableType":
    """Return found against planted, what was flagged beside it, the verdicts, and where the reports lie."""
    from rich.console import Group
    from rich.text import Text

    before, after = result.before, result.after
    planted, found = sum(line.planted for line in result.lines), sum(line.found for line in result.lines)
    said = (
        f"Found {found} of {planted} planted faults in {before.samples:,} rows and {before.images:,} images, "
        f"in {result.seconds:.0f} s.\n"
        f"Verdict: {before.verdict}, after cleaning {after.verdict} ({after.samples:,} rows).\n"
        f"Report:         {before.folder / 'report.html'}\n"
        f"After cleaning: {after.folder / 'report.html'}\n"
        f"Planted where:  {result.folder / 'data' / 'planted.jsonl'}"
    )
    text = Text(said, no_wrap=True, overflow="ignore")
    return Group(_faults(result), _strays(result), text, Text(), Text(_gates(result)))


_WITH = {
    SOUND: "a sound reward function",
    LEAKY: "a leaky reward function",
    BLIND: "a sound reward function, but a model that went blind",
}
# The checks that tell one gate from the next, where each has them.
_TELLING = {SOUND: ("RUN1", "RWD"), LEAKY: ("RUN1", "RWD"), BLIND: ("CKP121",)}
_NO_MODELS = (
    'No model was trained; after pip install "sft-audit[models]" the demonstration audits a seeing and a '
    "blind one."
)
_NO_RUNS = (
    'No model was reinforced; after pip install "sft-audit[rl]" two runs of GRPO are watched and audited.'
)


def _gates(result: DemoResult) -> str:
    """Return what the gate says of each reward function and model, and where the other reports lie."""
    lines = ["May RL start, or go on, with…"]
    for name, gate in result.gates.items():
        axes = ", ".join(f"{axis} {outcome or 'not asked'}" for axis, outcome in gate.axes.items())
        lines.append(f"- {_WITH[name]}: {gate.outcome} ({axes})")
        told = [
            one.ruling.reason
            for family in _TELLING[name]
            for one in gate.reasons
            if one.ruling.check.startswith(family)
        ]
        lines += [f"  {reason.partition('; the limit')[0]}" for reason in told[:1]]
        lines.append(f"  {result.folder / f'gate-{name}.html'}")
    return "\n".join([*lines, *_models(result), *_runs(result)])


def _models(result: DemoResult) -> list[str]:
    if result.models is None:
        return [_NO_MODELS]
    audited = result.models.checkpoints.items()
    lines = [f"The {name} model: {one.verdict}, {one.folder / 'report.html'}" for name, one in audited]
    return [*lines, f"The probes that both were put to: {result.models.probes / 'review.html'}"]


def _runs(result: DemoResult) -> list[str]:
    if result.runs is None:
        return [_NO_RUNS] if result.models is not None else []
    return [
        f"GRPO of a model of polluted rows, with {_WITH[name]}: {one.verdict}, {one.folder / 'report.html'}"
        for name, one in result.runs.runs.items()
    ]


def _faults(result: DemoResult) -> "Table":
    from rich.table import Table

    table = Table(
        title="Found against planted",
        caption="left: still flagged after every remedy there is; people decide on these",
    )
    table.add_column("fault")
    table.add_column("check")
    for name in ("planted", "found", "left"):
        table.add_column(name, justify="right")
    for line in result.lines:
        style = "" if line.found == line.planted else "bold red"
        table.add_row(line.fault, line.check, str(line.planted), str(line.found), str(line.left), style=style)
    return table


def _strays(result: DemoResult) -> "Table":
    from rich.table import Table

    table = Table(title="Rows flagged by a check whose fault was not planted there")
    table.add_column("check")
    table.add_column("in rows with another fault", justify="right")
    table.add_column("in sound rows", justify="right")
    for stray in result.strays:
        table.add_row(stray.check, str(stray.in_other_faults), str(stray.in_sound_rows))
    return table

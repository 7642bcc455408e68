"""The application that commands register with, and the options that several share."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

_ORDER = (
    "data",
    "clean",
    "probes",
    "checkpoint",
    "reward",
    "prompts",
    "watch",
    "postmortem",
    "gate",
    "run",
    "chain",
    "demo",
    "checks",
    "explain",
    "formats",
)


class _Commands(TyperGroup):
    """The commands, in the order in which they are used; Ctrl-C ends any in one line."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - as below
        """Return the names of the commands, in order."""
        return sorted(super().list_commands(ctx), key=_ORDER.index)

    def invoke(self, ctx: Any) -> object:  # noqa: ANN401 - click's, or Typer's own, by its version
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("sft-audit: interrupted; no result was written", file=sys.stderr)
            raise typer.Exit(130) from None


class _Judging(TyperGroup):
    """Commands of which `judge` is meant where none is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as above
        """Put `judge` where the first argument is no command."""
        named = args and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if named else ["judge", *args])


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    help="Audit what SFT teaches before reinforcement learning is paid to amplify it.",
    epilog="Exit codes: 0 PASS or REVIEW, 1 BLOCK, 2 the tool could not run, 3 UNKNOWN.",
)

gates = typer.Typer(
    cls=_Judging,
    rich_markup_mode=None,
    help="Judge finished audits together: may RL start? `gate AUDIT...` is `gate judge AUDIT...`.",
)
app.add_typer(gates, name="gate")


PolicyFile = Annotated[Path | None, typer.Option("--policy", help="YAML file of thresholds.")]
Shadow = Annotated[bool, typer.Option("--shadow", help="Judge and say so, but stop nothing.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
FailOn = Annotated[Literal["block", "review"], typer.Option(help="Verdict that exits with 1.")]

"""`sft-audit gate` and `run`."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sft_audit.cli.application import FailOn, Json, PolicyFile, Shadow, app, gates
from sft_audit.cli.console import save, shadowed, tell

if TYPE_CHECKING:
    from sft_audit.gate import Gate


@gates.command()
def judge(
    audits: Annotated[list[Path] | None, typer.Argument(metavar="AUDIT", help="Audit folders.")] = None,
    policy: PolicyFile = None,
    probes: Annotated[
        Path | None, typer.Option(help="Frozen probe pack on which checkpoints must have been audited.")
    ] = None,
    shadow: Shadow = False,
    fail_on: FailOn = "block",
    junit: Annotated[Path | None, typer.Option(help="JUnit XML to write, for a build server.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Markdown to write, for a pull request.")] = None,
    html: Annotated[Path | None, typer.Option(help="Page to write, which prints on one sheet.")] = None,
    gpu_hours: Annotated[float | None, typer.Option(min=0, help="GPU-hours that the run takes.")] = None,
    price: Annotated[float | None, typer.Option(min=0, help="Price of one GPU-hour.")] = None,
    json_: Json = False,
) -> None:
    """Join the evidence of finished audits: may RL start?"""
    code = 0
    with shadowed(shadow):
        from sft_audit.report import gate

        stake = None if gpu_hours is None else gate.Stake(gpu_hours, price)
        sheet = gate.Sheet(_judge(audits or [], policy, probes), shadow, fail_on, stake)
        for path, form in ((junit, gate.junit), (markdown, gate.markdown), (html, gate.one_page)):
            if path is not None:
                save(path, form(sheet))
        tell(gate.as_json(sheet) if json_ else gate.summary(sheet))
        code = sheet.exit_code
    raise typer.Exit(code)


@gates.command()
def validate(
    runs: Annotated[Path, typer.Argument(metavar="RUNS", help="CSV or JSON Lines: audit, outcome, name.")],
    policy: PolicyFile = None,
    good_from: Annotated[float | None, typer.Option(help="Least outcome that counts as good.")] = None,
    json_: Json = False,
) -> None:
    """Say how the gate would have judged past runs, and which thresholds to move."""
    from sft_audit.hindsight import look_back, read_runs
    from sft_audit.policy import load_policy
    from sft_audit.report import hindsight

    seen = look_back(read_runs(runs), load_policy(policy), datetime.now(tz=UTC).date(), good_from)
    tell(hindsight.as_json(seen) if json_ else hindsight.summary(seen))


@app.command("run", context_settings={"allow_interspersed_args": False})
def start(
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND", help="What to start.")],
    audits: Annotated[list[Path] | None, typer.Option("--audit", help="Audit folder; may recur.")] = None,
    policy: PolicyFile = None,
    shadow: Shadow = False,
    fail_on: FailOn = "block",
) -> None:
    """Start a command, unless the gate says BLOCK or UNKNOWN, or REVIEW where that is to stop it."""
    from sft_audit.launch import become

    code = 0
    with shadowed(shadow):
        from sft_audit.report import gate

        sheet = gate.Sheet(_judge(audits or [], policy), shadow, fail_on)
        print(gate.refusal(sheet, command), file=sys.stderr)
        code = sheet.exit_code
    if code:
        raise typer.Exit(code)
    become(command)


def _judge(audits: list[Path], policy: Path | None, probes: Path | None = None) -> "Gate":
    from sft_audit.gate import judge_audits
    from sft_audit.policy import load_policy

    return judge_audits(audits, load_policy(policy), datetime.now(tz=UTC).date(), probes)

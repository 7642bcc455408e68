"""The command line: parse, call, print, exit."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from sft_audit.errors import AuditError

if TYPE_CHECKING:
    from sft_audit.config import AuditConfig
    from sft_audit.gate import Gate
    from sft_audit.session import Report


class _Commands(TyperGroup):
    """The commands, of which Ctrl-C ends any in one line."""

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


@app.command()
def data(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="DATA", help="Files, globs or folders.")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="Folder that image paths are relative to.")] = None,
    format_: Annotated[str | None, typer.Option("--format", help="Format, if not as the rows look.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Audit folder to write. [default: audit]")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file of options.")] = None,
    select: Annotated[list[str] | None, typer.Option(help="Only these checks: code, name or family.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Not these checks: code, name or family.")] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Audit this many rows, drawn by source.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the draw.")] = None,
    preferences: Annotated[
        list[Path] | None, typer.Option(help="File of chosen and rejected responses.")
    ] = None,
    baseline: Annotated[Path | None, typer.Option(help="Earlier audit: only what is new counts.")] = None,
    policy: Annotated[Path | None, typer.Option(help="YAML file of thresholds.")] = None,
    no_thumbnails: Annotated[
        bool, typer.Option("--no-thumbnails", help="No pictures in the report.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Worker processes. [default: one a core]")
    ] = None,
    memory_limit: Annotated[str | None, typer.Option(help="Memory for the tables. [default: 4GB]")] = None,
    fail_on: Annotated[Literal["block", "review"], typer.Option(help="Verdict that exits with 1.")] = "block",
    json_: Json = False,
) -> None:
    """Audit an SFT data set: what will it teach?"""
    from sft_audit.config import load_config

    flags = {
        "data": paths,
        "images": images,
        "format": format_,
        "out": out,
        "select": select,
        "ignore_checks": ignore,
        "sample": sample,
        "seed": seed,
        "preferences": preferences,
        "baseline": baseline,
        "policy": policy,
        "thumbnails": False if no_thumbnails else None,
        "workers": workers,
        "memory_limit": memory_limit,
    }
    report = _audit(load_config(config, flags))
    _show(report, as_json=json_)
    raise typer.Exit(report.review_exit_code if fail_on == "review" else report.exit_code)


@app.command()
def reward(
    target: Annotated[
        str, typer.Argument(metavar="FILE.py:NAME", help="Reward function, or a server's address.")
    ],
    paths: Annotated[
        list[Path] | None, typer.Option("--data", help="Data set whose answers the trials use.")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="Folder that image paths are relative to.")] = None,
    trainer: Annotated[str | None, typer.Option(help="Call it as this trainer does.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Audit folder to write. [default: reward-audit]")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file of options.")] = None,
    answers: Annotated[
        int | None, typer.Option(min=1, help="Answers to make trials of. [default: 60]")
    ] = None,
    threshold: Annotated[float | None, typer.Option(help="Reward above which an answer is paid.")] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Seconds that one batch may take. [default: 30]")
    ] = None,
    allow_host: Annotated[list[str] | None, typer.Option(help="Host that the function may ask.")] = None,
    policy: Annotated[Path | None, typer.Option(help="YAML file of thresholds.")] = None,
    json_: Json = False,
) -> None:
    """Audit a reward function: what will RL be paid for?"""
    from sft_audit.config import RewardConfig, load_config

    flags = {
        "target": target,
        "data": paths,
        "images": images,
        "trainer": trainer,
        "out": out,
        "answers": answers,
        "threshold": threshold,
        "seconds": seconds,
        "allow_hosts": allow_host,
        "policy": policy,
    }
    report = _audit(load_config(config, flags, RewardConfig))
    _show(report, as_json=json_)
    raise typer.Exit(report.exit_code)


@gates.command()
def judge(
    audits: Annotated[list[Path] | None, typer.Argument(metavar="AUDIT", help="Audit folders.")] = None,
    policy: PolicyFile = None,
    shadow: Shadow = False,
    fail_on: Annotated[Literal["block", "review"], typer.Option(help="Verdict that exits with 1.")] = "block",
    junit: Annotated[Path | None, typer.Option(help="JUnit XML to write, for a build server.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Markdown to write, for a pull request.")] = None,
    html: Annotated[Path | None, typer.Option(help="Page to write, which prints on one sheet.")] = None,
    gpu_hours: Annotated[float | None, typer.Option(min=0, help="GPU-hours that the run takes.")] = None,
    price: Annotated[float | None, typer.Option(min=0, help="Price of one GPU-hour.")] = None,
    json_: Json = False,
) -> None:
    """Join the evidence of finished audits: may RL start?"""
    code = 0
    with _shadowed(shadow):
        from sft_audit.report import gate

        stake = None if gpu_hours is None else gate.Stake(gpu_hours, price)
        sheet = gate.Sheet(_judge(audits or [], policy), shadow, fail_on, stake)
        for path, form in ((junit, gate.junit), (markdown, gate.markdown), (html, gate.one_page)):
            if path is not None:
                _save(path, form(sheet))
        _tell(gate.as_json(sheet) if json_ else gate.summary(sheet))
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
    _tell(hindsight.as_json(seen) if json_ else hindsight.summary(seen))


@app.command("run", context_settings={"allow_interspersed_args": False})
def start(
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND", help="What to start.")],
    audits: Annotated[list[Path] | None, typer.Option("--audit", help="Audit folder; may recur.")] = None,
    policy: PolicyFile = None,
    shadow: Shadow = False,
) -> None:
    """Start a command, unless the gate says BLOCK or UNKNOWN."""
    from sft_audit.launch import become

    code = 0
    with _shadowed(shadow):
        from sft_audit.report import gate

        sheet = gate.Sheet(_judge(audits or [], policy), shadow)
        print(gate.refusal(sheet, command), file=sys.stderr)
        code = sheet.exit_code
    if code:
        raise typer.Exit(code)
    become(command)


@app.command()
def clean(
    audit: Annotated[Path, typer.Argument(help="Audit folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the repaired data set.")],
    unsafe: Annotated[list[str] | None, typer.Option(help="Also apply this check's unsafe remedy.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Go on though the plan removes much.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, write nothing.")
    ] = False,
    json_: Json = False,
) -> None:
    """Write the repaired data set, in the format and layout it came in."""
    from sft_audit.remedies import clean as repair

    result = repair(audit, out, unsafe=tuple(unsafe or ()), force=force, dry_run=dry_run)
    print(json.dumps(result.summary()) if json_ else result.text())


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")] = Path("sft-audit-demo"),
    workers: Annotated[int, typer.Option(min=0, help="Worker processes; 0: one a core.")] = 0,
) -> None:
    """Plant faults in a small data set that the package makes, audit it, repair it, audit again."""
    from rich.console import Console

    from sft_audit.demo import render, run_demo

    with _progress():
        result = run_demo(out, workers=workers)
    Console().print(render(result))


@app.command()
def checks(json_: Json = False) -> None:
    """List every check."""
    from sft_audit.check import all_checks

    listed = all_checks().values()
    if json_:
        print(
            json.dumps(
                [{"code": c.code, "name": c.name, "severity": c.severity, "axis": c.axis} for c in listed]
            )
        )
        return
    for one in listed:
        print(f"{one.code}  {one.name:24}{'preview  ' if one.preview else ''}{one.title}")


@app.command()
def explain(code: Annotated[str, typer.Argument(help="Code or name of a check.")]) -> None:
    """Print a check's page."""
    from sft_audit.check import find_check
    from sft_audit.report.pages import check_page

    print(check_page(find_check(code)), end="")


@app.command()
def formats() -> None:
    """List every data format that can be read."""
    from sft_audit.readers import all_formats

    for one in all_formats().values():
        print(f"{one.name:18}{one.title}")


def _audit(config: "AuditConfig") -> "Report":
    from sft_audit.session import run

    with _progress():
        return run(config)


def _show(report: "Report", *, as_json: bool) -> None:
    from sft_audit.report.terminal import summary

    _tell(report.summary() if as_json else summary(report))


def _judge(audits: list[Path], policy: Path | None) -> "Gate":
    from sft_audit.gate import judge_audits
    from sft_audit.policy import load_policy

    return judge_audits(audits, load_policy(policy), datetime.now(tz=UTC).date())


def _save(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise AuditError(f"{path}: {(fault.strerror or str(fault)).lower()}; choose another file") from None


def _tell(result: Any) -> None:  # noqa: ANN401 - rich is imported late
    if isinstance(result, dict):
        print(json.dumps(result, ensure_ascii=False))
        return
    from rich.console import Console

    Console().print(result)


@contextmanager
def _shadowed(shadow: bool) -> Iterator[None]:
    """In shadow mode, say a mistake on stderr and go on: nothing is stopped."""
    try:
        yield
    except AuditError as fault:
        if not shadow:
            raise
        print(f"sft-audit: {fault}; shadow mode: nothing is stopped", file=sys.stderr)


@contextmanager
def _progress() -> Iterator[None]:
    """Show on stderr what the library logs: what it is doing, after two seconds, and its warnings, always."""
    import logging
    import threading

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (BarColumn(bar_width=20), TextColumn("{task.description}"), TimeElapsedColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task("starting", total=None)

    warned: set[str] = set()

    class Follow(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message = record.getMessage()
            if record.levelno < logging.WARNING:
                bar.update(task, description=message)
            elif message not in warned:  # what reads the inputs a second time warns a second time
                warned.add(message)
                console.print(f"sft-audit: {message}", markup=False, highlight=False, soft_wrap=True)

    logger, handler = logging.getLogger("sft_audit"), Follow()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    later = threading.Timer(2, bar.start)
    later.daemon = True
    later.start()
    try:
        yield
    finally:
        later.cancel()
        bar.stop()
        logger.removeHandler(handler)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from sft_audit import __version__

        print(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and exit code 2."""
    try:
        app()
    except AuditError as fault:
        print(f"sft-audit: {fault}", file=sys.stderr)
        sys.exit(2)

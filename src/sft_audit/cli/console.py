"""What the commands say: results on stdout; progress, warnings and faults on stderr."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sft_audit.errors import AuditError

if TYPE_CHECKING:
    from sft_audit.config import AuditConfig
    from sft_audit.monitor.alerts import Alerts
    from sft_audit.monitor.follow import Pace, See
    from sft_audit.ranking import Ranked
    from sft_audit.session import Report


def audit(config: "AuditConfig") -> "Report":
    """Audit as configured, with progress on stderr."""
    from sft_audit.session import run

    with progress():
        return run(config)


def follow_run(config: "AuditConfig", pace: "Pace", alerts: "Alerts", see: "See") -> None:
    """Follow a run, its alarms on stderr."""
    from sft_audit.config import RunConfig
    from sft_audit.monitor.follow import follow

    if not isinstance(config, RunConfig):
        raise TypeError("a run is followed under a RunConfig")
    with progress():
        follow(config, pace, alerts, see)


def show(report: "Report", *, as_json: bool) -> None:
    """Print what an audit came to."""
    from sft_audit.report.terminal import summary

    tell(report.summary() if as_json else summary(report))


def tell_ranking(ranked: "Sequence[Ranked]", *, as_json: bool) -> None:
    """Print checkpoints, the readiest first."""
    from dataclasses import asdict

    from sft_audit.report.terminal import ranking

    if as_json:
        tell({"ranking": [{**asdict(one), "folder": str(one.folder)} for one in ranked]})
    else:
        tell(ranking(ranked))


def save(path: Path, text: str) -> None:
    """Write a file that an option names, or raise AuditError in one line."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise AuditError(f"{path}: {(fault.strerror or str(fault)).lower()}; choose another file") from None


def tell(result: Any) -> None:  # noqa: ANN401 - rich is imported late
    """Print a result: an object as JSON, anything else as rich shows it."""
    if isinstance(result, dict):
        print(json.dumps(result, ensure_ascii=False))
        return
    from rich.console import Console

    Console().print(result)


@contextmanager
def shadowed(shadow: bool) -> Iterator[None]:
    """In shadow mode, say a mistake on stderr and go on: nothing is stopped."""
    try:
        yield
    except AuditError as fault:
        if not shadow:
            raise
        print(f"sft-audit: {fault}; shadow mode: nothing is stopped", file=sys.stderr)


@contextmanager
def progress() -> Iterator[None]:
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

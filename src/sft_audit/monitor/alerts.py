"""Where an alarm is told: in a line of the log, and in a file of JSON Lines."""

import json
import logging
from dataclasses import asdict
from math import isfinite
from pathlib import Path

from sft_audit.errors import AuditError
from sft_audit.monitor.monitor import Alarm

log = logging.getLogger(__name__)


def tell(alarm: Alarm, file: Path | None = None) -> None:
    """Log an alarm as a warning, and add it to the file; raise AuditError where that cannot be written."""
    log.warning("%s", line(alarm))
    if file is not None:
        row = {
            name: None if isinstance(value, float) and not isfinite(value) else value
            for name, value in asdict(alarm).items()
        }
        try:
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(row, ensure_ascii=False) + "\n")
        except OSError as fault:
            raise AuditError(
                f"{file}: {(fault.strerror or str(fault)).lower()}; give a file to add to"
            ) from None


def line(alarm: Alarm) -> str:
    """Return an alarm in one line."""
    return f"{alarm.grade} {alarm.measure}: {alarm.says}"

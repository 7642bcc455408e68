"""Where an alarm is told: the log, a file of JSON Lines, a file that a launcher looks for."""

import json
import logging
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path

from sft_audit.errors import AuditError
from sft_audit.monitor.watcher import Alarm

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Alerts:
    """Tells alarms: as warnings of the log, and to `file`, a line of JSON each.

    `stop_file` is made at the first alarm that is no notice. Raises AuditError where either cannot be
    written; later that is only logged.
    """

    file: Path | None = None
    stop_file: Path | None = None

    def __post_init__(self) -> None:
        for path in (self.file, self.stop_file):
            if path is not None and not path.absolute().parent.is_dir():
                raise AuditError(f"{path}: no such folder; give a file in one that is there")
        if self.file is not None:
            try:
                self.file.open("a").close()
            except OSError as fault:
                raise AuditError(
                    f"{self.file}: {(fault.strerror or str(fault)).lower()}; give a file to add to"
                ) from None

    def tell(self, alarm: Alarm) -> None:
        """Tell one alarm."""
        log.warning("%s %s: %s", alarm.grade, alarm.measure, alarm.says)
        try:
            if self.file is not None:
                with self.file.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(_row(alarm), ensure_ascii=False) + "\n")
            if self.stop_file is not None and alarm.grade == "alarm":
                self.stop_file.touch()
        except OSError as fault:  # a full disk ends no watching
            log.warning("an alarm could not be written: %s", fault)


def _row(alarm: Alarm) -> dict[str, object]:
    """Return an alarm as JSON takes it, which has no infinity."""
    return {
        name: None if isinstance(value, float) and not isfinite(value) else value
        for name, value in asdict(alarm).items()
    }

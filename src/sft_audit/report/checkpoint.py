"""The report of a checkpoint."""

from dataclasses import dataclass

from sft_audit.audit import Outcome
from sft_audit.config import AuditConfig
from sft_audit.store import Store


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the audit says of the checkpoint."""


def read_checkpoint(config: AuditConfig, store: Store) -> Sheet:  # noqa: ARG001
    """Return the sheet."""
    return Sheet()


def write_checkpoint(store: Store, sheet: Sheet, outcome: Outcome) -> None:  # noqa: ARG001
    """Write the page."""
    (store.folder / "report.html").write_text(outcome.verdict.outcome, encoding="utf-8")

"""Remedies: from findings to a repaired data set."""

from sft_audit.remedies.repair import clean
from sft_audit.remedies.result import CleanResult

__all__ = ["CleanResult", "clean"]

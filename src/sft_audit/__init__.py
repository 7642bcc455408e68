"""Audit what SFT teaches before reinforcement learning is paid to amplify it."""

from typing import TYPE_CHECKING

from sft_audit.errors import AuditError

if TYPE_CHECKING:
    from sft_audit.chain import chain_error
    from sft_audit.constitution.constrain import constrain
    from sft_audit.monitor.callback import Watch
    from sft_audit.probes import make_probes
    from sft_audit.session import (
        Report,
        audit_checkpoint,
        audit_data,
        audit_prompts,
        audit_reward,
        audit_run,
        open_report,
    )

__version__ = "0.1.0"
__all__ = [
    "AuditError",
    "Report",
    "Watch",
    "audit_checkpoint",
    "audit_data",
    "audit_prompts",
    "audit_reward",
    "audit_run",
    "chain_error",
    "constrain",
    "make_probes",
    "open_report",
]


# Where the API stands; the rest of it is in `session`.
_ELSEWHERE = {
    "Watch": "monitor.callback",
    "chain_error": "chain",
    "constrain": "constitution.constrain",
    "make_probes": "probes",
}


def __getattr__(name: str) -> object:
    """Import the API only when it is used, so that `import sft_audit` loads nothing heavy."""
    if name not in __all__:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"sft_audit.{_ELSEWHERE.get(name, 'session')}"), name)

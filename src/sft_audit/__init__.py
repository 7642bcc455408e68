"""Audit what SFT teaches before reinforcement learning is paid to amplify it."""

from typing import TYPE_CHECKING

from sft_audit.errors import AuditError

if TYPE_CHECKING:
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
    "constrain",
    "make_probes",
    "open_report",
]


def __getattr__(name: str) -> object:
    """Import the API only when it is used, so that `import sft_audit` loads nothing heavy."""
    if name == "constrain":
        from sft_audit.constitution.constrain import constrain

        return constrain
    if name == "Watch":
        from sft_audit.monitor.callback import Watch

        return Watch
    if name == "make_probes":
        from sft_audit.probes import make_probes

        return make_probes
    if name in __all__[1:]:
        from sft_audit import session

        return getattr(session, name)
    raise AttributeError(name)

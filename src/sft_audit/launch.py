"""This process becomes the command that it guards."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from sft_audit.errors import AuditError


def become(command: Sequence[str]) -> NoReturn:
    """Replace this process by the command; raise AuditError where it cannot be started."""
    # Python ignores these two, and a program inherits what is ignored: it would not end when its reader does.
    for name in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(name, signal.SIG_DFL)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvp(command[0], list(command))  # noqa: S606 - what the user asked for, without a shell
    except OSError as fault:
        raise AuditError(f"{command[0]}: {(fault.strerror or str(fault)).lower()}; give a command") from None

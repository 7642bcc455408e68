"""The faults that are the user's to mend. Bad data is a finding, a bug keeps its traceback."""


class AuditError(Exception):
    """Bad usage, in one line: where, what is wrong, and what to write instead."""


class OutOfSpace(AuditError):
    """The disk cannot hold what the audit is about to write."""


class StaleAudit(AuditError):
    """An audit folder does not match the schema or the data that it is asked about."""


class UnloadableModel(AuditError):
    """A folder holds no model that can be loaded."""

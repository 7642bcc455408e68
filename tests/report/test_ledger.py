from sft_audit.audit import Outcome
from sft_audit.policy import Policy, judge
from sft_audit.report.ledger import read_faults

CHAINED = """Traceback (most recent call last):
  File "a.py", line 1, in <module>
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b.py", line 2, in ask
    ^^^^
_duckdb.BinderException: Binder Error: no such column

LINE 1: select x: y
        ^
"""


def test_a_fault_is_told_by_its_last_exception():
    outcome = Outcome((), judge(Policy(), (), 1), {"B": CHAINED, "A": ""}, {})
    faults = read_faults(outcome)
    assert [fault.name for fault in faults] == ["A", "B"]
    assert faults[1].said == "_duckdb.BinderException: Binder Error: no such column"
    assert faults[1].trace == CHAINED

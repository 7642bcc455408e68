"""`sft-audit demo`: a small set with real photos and known faults, audited, cleaned, and audited again."""

from sft_audit.demo.demonstration import DemoResult, make_faulty_data_set, run_demo
from sft_audit.demo.show import render

__all__ = ["DemoResult", "make_faulty_data_set", "render", "run_demo"]

"""Probe packs: questions with known answers for which a model must look, drawn from a data audit."""

from sft_audit.probes.pack import Pack, make_probes

__all__ = ["Pack", "make_probes"]

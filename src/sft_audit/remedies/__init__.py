"""Remedies: from findings to a repaired data set."""

"""Checks: one file each, found by walking; the sub-package names the subject."""

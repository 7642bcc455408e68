"""Checks of a reward function."""

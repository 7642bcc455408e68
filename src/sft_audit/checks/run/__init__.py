"""Checks of an RL run."""

"""Checks of a set of RL prompts."""

"""Watching an RL run: what its completions and metrics show, step by step, and when it is time to stop it."""

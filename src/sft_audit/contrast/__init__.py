"""What a run's rewards prefer among completions of one group that should be paid alike."""

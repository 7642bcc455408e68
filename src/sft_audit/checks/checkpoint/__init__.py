"""What fine-tuning taught a checkpoint."""

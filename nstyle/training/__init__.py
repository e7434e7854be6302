"""The loop, the style schedule, checkpoints and resume, the logs."""

"""Training: the loop, the style schedule, checkpoints and resumption, and the logs."""

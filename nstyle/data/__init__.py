"""The content photographs, the paintings and their targets."""

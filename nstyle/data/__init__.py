"""Content photographs, paintings and their targets."""

"""Pictures in and out, side by side and moving."""

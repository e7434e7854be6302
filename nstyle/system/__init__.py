"""Devices, memory, processes, interrupts, and files that are written whole or not at all."""

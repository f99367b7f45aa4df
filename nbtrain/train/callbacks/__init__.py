"""Callbacks of the loop: one class, one file."""

"""Habits of a loop that cost quality, seen in its first steps: one habit, one file."""

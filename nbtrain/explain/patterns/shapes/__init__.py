"""Shapes that do not fit each other."""

"""Modules: how they are written and called."""

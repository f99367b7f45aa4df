"""Gradients and their graph."""

"""Weights on a data set: metrics with their uncertainty, and what is taken for what."""

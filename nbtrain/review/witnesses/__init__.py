"""The family of witnesses: one file each, saying what a probe has seen of the problem of one rule."""

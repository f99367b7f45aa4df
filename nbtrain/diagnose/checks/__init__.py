"""The diagnosis checks: one file each, found by walking this package.

Accuracies are read as one: the mean of the last three epochs that have them (of fewer, if there are fewer),
compared strictly after rounding to 1e-6.
"""

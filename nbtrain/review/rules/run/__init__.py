"""Rules on what a run leaves behind: a seed to repeat it, numbers to read, weights to keep."""

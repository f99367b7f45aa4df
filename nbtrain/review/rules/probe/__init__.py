"""Rules on what only happens when the code runs: they speak where a probe was asked for."""

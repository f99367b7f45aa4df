"""Types of numbers that do not fit each other."""

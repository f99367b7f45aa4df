"""Rules on what goes into a loss and what is done with it."""

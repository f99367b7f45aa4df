"""Rules on what an optimizer holds against what the model has: stale, missing, frozen, unregistered."""

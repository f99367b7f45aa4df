"""Rules on single numbers: learning rates, weight decay, batch size."""

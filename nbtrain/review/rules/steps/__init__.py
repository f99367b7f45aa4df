"""Rules on what one training step does: accumulation, clipping, precision."""

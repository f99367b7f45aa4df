"""The probe: a cell is run for two optimizer steps on copies, and what really happens is noted."""

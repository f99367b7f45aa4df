"""The terminal's front: the same commands as the magics, printed as text or as one JSON object."""

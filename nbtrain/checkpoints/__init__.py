"""Checkpoint files laid open: what is in them, whether they are whole, whether loading them is safe."""

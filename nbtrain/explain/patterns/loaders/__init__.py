"""Data sets and the loaders that read them."""

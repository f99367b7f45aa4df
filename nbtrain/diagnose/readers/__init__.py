"""The readers of histories: one format, one file, found by walking this package."""

"""The error patterns: one file each, found by walking this package."""

"""What may make a step faster: one candidate, one file, found by walking this package."""

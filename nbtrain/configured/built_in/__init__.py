"""The built-in architectures: one file each, small and plain, named after the word of the configuration."""

"""Hugging Face: transformers, datasets, the hub."""

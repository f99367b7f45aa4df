"""Rules on modes and evaluation: train and eval, graphs in validation, and which data decides."""

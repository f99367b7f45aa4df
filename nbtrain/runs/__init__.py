"""What is on disk: run folders, checkpoints, metrics files, trackers, and runs read back. Knows nothing of training."""

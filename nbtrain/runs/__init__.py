"""What is on disk: run folders, checkpoints, metrics, trackers, runs read back. Knows nothing of training."""

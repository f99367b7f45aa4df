"""Memory of a set-up before it runs: what a training step will hold, by kind, module and phase."""

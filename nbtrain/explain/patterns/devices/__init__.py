"""Where tensors are: CPU, GPU, nowhere."""

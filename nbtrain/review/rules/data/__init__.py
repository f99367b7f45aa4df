"""Rules on how data reach the training: order, loaders, scale, devices, processes."""

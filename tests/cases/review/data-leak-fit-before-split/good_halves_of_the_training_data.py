"""Training data are scaled by their own statistics and cut into two stages of a curriculum."""

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

train = torch.tensor(np.load("train.npy"))
y = torch.tensor(np.load("y.npy"))
train = (train - train.mean(0)) / train.std(0)
n = 500
easy = DataLoader(TensorDataset(train[:n], y[:n]), batch_size=32, shuffle=True)
hard = DataLoader(TensorDataset(train[n:], y[n:]), batch_size=32, shuffle=True)

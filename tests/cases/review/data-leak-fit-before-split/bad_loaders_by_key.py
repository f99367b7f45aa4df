from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset
import numpy as np
import torch

rows = StandardScaler().fit_transform(np.load("rows.npy"))  # <-- data-leak-fit-before-split
cut = 800
loaders = {
    "train": DataLoader(TensorDataset(torch.tensor(rows[:cut])), batch_size=32, shuffle=True),
    "val": DataLoader(TensorDataset(torch.tensor(rows[cut:])), batch_size=32),
}

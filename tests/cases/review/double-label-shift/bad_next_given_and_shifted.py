import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Windows(Dataset):
    def __init__(self, ids, length):
        self.ids, self.length = ids, length

    def __len__(self):
        return len(self.ids) - self.length - 1

    def __getitem__(self, i):
        return self.ids[i : i + self.length], self.ids[i + 1 : i + self.length + 1]


loader = DataLoader(Windows(torch.randint(0, 1000, (5000,)), 32), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Embedding(1000, 32), nn.Linear(32, 1000))
for step, (x, y) in enumerate(loader):
    logits = model(x)
    loss = F.cross_entropy(logits[:, :-1].reshape(-1, 1000), y[:, 1:].reshape(-1))  # <-- double-label-shift

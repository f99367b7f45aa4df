from torch.utils.data import WeightedRandomSampler
import torch
from torch import nn
from torch.utils.data import DataLoader

model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_loader = DataLoader(train_data, batch_size=64, sampler=WeightedRandomSampler(weights, len(weights)))
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()

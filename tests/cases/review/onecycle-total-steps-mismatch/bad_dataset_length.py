import torch
from torch import nn
import torch.nn.functional as F

from torch.utils.data import DataLoader, TensorDataset

train_dataset = TensorDataset(features, labels)
loader = DataLoader(train_dataset, batch_size=64, shuffle=True)
model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(  # <-- onecycle-total-steps-mismatch
    optimizer, max_lr=1e-3, steps_per_epoch=len(train_dataset), epochs=5
)
for epoch in range(5):
    for x, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        scheduler.step()

import torch
from torch import nn


class TokenLoss(nn.Module):
    def __init__(self, k):
        super().__init__()
        self.k = k

    def forward(self, logits, labels):
        return nn.functional.cross_entropy(logits, labels) / self.k


criterion = TokenLoss(4)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for i, (x, y) in enumerate(train_loader):
    criterion(model(x), y).backward()
    if not (i + 1) % 4:
        optimizer.step()
        optimizer.zero_grad()

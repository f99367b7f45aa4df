import torch
from torch import nn

model = nn.LSTM(32, 64, batch_first=True)
head = nn.Linear(64, 32)
params = list(model.parameters()) + list(head.parameters())
optimizer = torch.optim.Adam(params, lr=2e-3)
for epoch in range(20):
    hidden = None
    for x, y in train_loader:
        out, hidden = model(x, hidden)
        hidden = tuple(h.detach() for h in hidden)
        loss = nn.functional.cross_entropy(head(out).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(params, 0.25)
        optimizer.step()

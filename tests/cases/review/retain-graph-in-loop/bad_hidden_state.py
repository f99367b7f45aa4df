import torch
from torch import nn
import torch.nn.functional as F

rnn = nn.GRU(8, 16, batch_first=True)
head = nn.Linear(16, 3)
optimizer = torch.optim.AdamW([*rnn.parameters(), *head.parameters()], lr=1e-3)
hidden = torch.zeros(1, 32, 16)
for x, y in train_loader:
    optimizer.zero_grad()
    out, hidden = rnn(x, hidden)
    loss = F.cross_entropy(head(out[:, -1]), y)
    loss.backward(retain_graph=True)  # <-- retain-graph-in-loop
    nn.utils.clip_grad_norm_(rnn.parameters(), 1.0)
    optimizer.step()

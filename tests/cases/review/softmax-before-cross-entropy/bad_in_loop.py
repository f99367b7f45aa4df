import torch
from torch import nn
import torch.nn.functional as F

def train(model, loader, optimizer):
    for batch in loader:
        logits = model(batch["x"])
        probs = logits.softmax(-1)  # <-- softmax-before-cross-entropy
        loss = F.cross_entropy(probs, batch["y"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


model = nn.Linear(8, 3)
train(model, train_loader, torch.optim.AdamW(model.parameters(), lr=1e-3))

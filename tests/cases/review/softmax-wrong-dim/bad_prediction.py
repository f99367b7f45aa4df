import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 3)
model.eval()
with torch.no_grad():
    for x, y in val_loader:
        probs = torch.softmax(model(x), 0)  # <-- softmax-wrong-dim
        predicted = probs.argmax(dim=1)

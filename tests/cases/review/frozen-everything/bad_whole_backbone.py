import torch
from torch import nn
import torch.nn.functional as F

from transformers import AutoModelForSequenceClassification

model = AutoModelForSequenceClassification.from_pretrained("convnext-tiny", num_labels=3)
for param in model.parameters():
    param.requires_grad = False  # <-- frozen-everything
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for batch in train_loader:
    optimizer.zero_grad()
    model(**batch).loss.backward()
    optimizer.step()

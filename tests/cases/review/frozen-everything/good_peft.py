import torch
from torch import nn
import torch.nn.functional as F

from peft import LoraConfig, get_peft_model
from transformers import AutoModelForSequenceClassification

model = AutoModelForSequenceClassification.from_pretrained("convnext-tiny")
for p in model.parameters():
    p.requires_grad = False
model = get_peft_model(model, LoraConfig(r=8))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
for batch in train_loader:
    optimizer.zero_grad()
    model(**batch).loss.backward()
    optimizer.step()

import torch
from torch import nn
import torch.nn.functional as F

from transformers import GPT2LMHeadModel

model = GPT2LMHeadModel.from_pretrained("gpt2")
for batch in train_loader:
    inputs = batch["input_ids"][:, :-1]
    labels = batch["input_ids"][:, 1:].clone()
    loss = model(input_ids=inputs, labels=labels).loss  # <-- double-label-shift

import torch
from torch import nn
import torch.nn.functional as F

from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("gpt2")
for batch in train_loader:
    labels = batch["input_ids"].clone()
    labels[batch["attention_mask"] == 0] = -100
    loss = model(**batch, labels=labels).loss

import torch
from torch import nn
import torch.nn.functional as F

from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
batch = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt")
ids = batch["input_ids"]
model = nn.Sequential(nn.Embedding(50257, 64), nn.Linear(64, 50257))
criterion = nn.CrossEntropyLoss()
logits = model(ids[:, :-1])
loss = criterion(logits.view(-1, 50257), ids[:, 1:].contiguous().view(-1))  # <-- loss-counts-padding

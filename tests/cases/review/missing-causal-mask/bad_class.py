import torch
from torch import nn
import torch.nn.functional as F

class LM(nn.Module):
    def __init__(self, vocab=1000, width=64):
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.attend = nn.MultiheadAttention(width, 4, batch_first=True)  # <-- missing-causal-mask
        self.head = nn.Linear(width, vocab)

    def forward(self, ids):
        h = self.embed(ids)
        h = h + self.attend(h, h, h)[0]
        return self.head(h)


lm = LM()
for ids in train_loader:
    logits = lm(ids)
    loss = F.cross_entropy(logits[:, :-1].reshape(-1, 1000), ids[:, 1:].reshape(-1))

import torch
from torch import nn
import torch.nn.functional as F

class Tagger(nn.Module):
    def __init__(self, words, tags):
        super().__init__()
        self.embed = nn.Embedding(words, 32, padding_idx=0)
        self.out = nn.Linear(32, tags)

    def forward(self, x):
        return self.out(self.embed(x))


tagger = Tagger(5000, 12)
for words, tags in train_loader:
    scores = tagger(words)
    loss = F.cross_entropy(scores.reshape(-1, 12), tags.reshape(-1))  # <-- loss-counts-padding

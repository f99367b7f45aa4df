import torch
from torch import nn

class GPT(nn.Module):
    def __init__(self, vocab_size=50257, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.blocks = nn.TransformerEncoder(nn.TransformerEncoderLayer(width, 4, batch_first=True), 6)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids):
        mask = nn.Transformer.generate_square_subsequent_mask(ids.size(1))
        return self.head(self.blocks(self.embed(ids), mask=mask, is_causal=True))

model = GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.999), weight_decay=0.1)  # <-- pretraining-beta2
warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters=2000)
for ids in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    warmup.step()

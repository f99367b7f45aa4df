import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(7)
tokens = torch.load("tokens.pt", weights_only=True)
split = int(0.95 * len(tokens))
train_tokens, val_tokens = tokens[:split], tokens[split:]
ctx, bs, steps, peak = 128, 64, 20000, 6e-4


class LM(nn.Module):
    def __init__(self, vocab=8000, d=256, heads=8, depth=6):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, d), nn.Embedding(ctx, d)
        self.layers = nn.ModuleList([nn.TransformerEncoderLayer(d, heads, 4 * d, 0.1, "gelu", batch_first=True, norm_first=True) for _ in range(depth)])
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, vocab, bias=False)

    def forward(self, idx):
        h = self.wte(idx) + self.wpe(torch.arange(idx.size(1), device=idx.device))
        for layer in self.layers:
            h = layer(h)
        return self.head(self.norm(h))


def batch(source):
    at = torch.randint(len(source) - ctx - 1, (bs,))
    x = torch.stack([source[i : i + ctx] for i in at]).cuda()
    y = torch.stack([source[i + 1 : i + 1 + ctx] for i in at]).cuda()
    return x, y


lm = LM().cuda()
opt = torch.optim.AdamW(lm.parameters(), lr=peak, betas=(0.9, 0.95), weight_decay=0.1)
warm = torch.optim.lr_scheduler.LinearLR(opt, 0.01, total_iters=500)
cool = torch.optim.lr_scheduler.CosineAnnealingLR(opt, steps - 500)
sched = torch.optim.lr_scheduler.SequentialLR(opt, [warm, cool], [500])
for step in range(steps):
    lm.train()
    x, y = batch(train_tokens)
    loss = F.cross_entropy(lm(x).flatten(0, 1), y.flatten())
    opt.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(lm.parameters(), 1.0)
    opt.step()
    sched.step()
    if step % 500 == 0:
        lm.eval()
        with torch.no_grad():
            x, y = batch(val_tokens)
            print(step, loss.item(), F.cross_entropy(lm(x).flatten(0, 1), y.flatten()).item())
        torch.save(lm.state_dict(), "lm.pt")

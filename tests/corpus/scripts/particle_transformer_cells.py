import torch, math
from torch import nn

class JetTagger(nn.Module):
    def __init__(self, d=128, n=4):
        super().__init__()
        self.inp = nn.Linear(7, d)
        self.blocks = nn.TransformerEncoder(nn.TransformerEncoderLayer(d, 8, 4 * d, batch_first=True, dropout=0.1), n)
        self.out = nn.Linear(d, 5)
    def forward(self, x, pad):
        h = self.blocks(self.inp(x), src_key_padding_mask=pad)
        h = h.masked_fill(pad.unsqueeze(-1), 0).sum(1) / (~pad).sum(1, keepdim=True)
        return self.out(h)

torch.manual_seed(0)
tagger = JetTagger().cuda()
optimizer = torch.optim.AdamW(tagger.parameters(), lr=5e-4)
steps = 20 * len(train_loader)
ramp = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1, (s + 1) / 500) * 0.5 * (1 + math.cos(math.pi * min(1, s / steps))))
best_auc, best_weights = 0, None

def evaluate():
    tagger.eval()
    scores, labels = [], []
    with torch.no_grad():
        for x, pad, y in val_loader:
            scores.append(tagger(x.cuda(), pad.cuda()).softmax(-1).cpu())
            labels.append(y)
    return auc(torch.cat(scores), torch.cat(labels))

for epoch in range(20):
    for x, pad, y in train_loader:
        loss = nn.functional.cross_entropy(tagger(x.cuda(), pad.cuda()), y.cuda())
        optimizer.zero_grad(); loss.backward()
        nn.utils.clip_grad_norm_(tagger.parameters(), 1.0)
        optimizer.step(); ramp.step()
    a = evaluate()
    print(epoch, a)
    if a > best_auc:
        best_auc = a
        best_weights = tagger.state_dict()
tagger.load_state_dict(best_weights)

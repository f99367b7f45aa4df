import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
triples = torch.load("triples.pt", weights_only=True)
n_ent, n_rel = int(triples[:, [0, 2]].max()) + 1, int(triples[:, 1].max()) + 1
perm = torch.randperm(len(triples))
train, valid = triples[perm[:-5000]], triples[perm[-5000:]]
loader = DataLoader(TensorDataset(train), batch_size=1024, shuffle=True)


class TransE(nn.Module):
    def __init__(self, dim=200):
        super().__init__()
        self.ent, self.rel = nn.Embedding(n_ent, dim), nn.Embedding(n_rel, dim)
        nn.init.xavier_uniform_(self.ent.weight)
        nn.init.xavier_uniform_(self.rel.weight)

    def forward(self, h, r, t):
        return (self.ent(h) + self.rel(r) - self.ent(t)).norm(p=1, dim=-1)


model = TransE().cuda()
opt = torch.optim.Adagrad(model.parameters(), lr=0.1)
margin = nn.MarginRankingLoss(margin=1.0)
for epoch in range(30):
    total = 0.0
    for (batch,) in loader:
        h, r, t = batch.cuda().unbind(1)
        fake = torch.randint(n_ent, t.shape, device=t.device)
        pos, neg = model(h, r, t), model(h, r, fake)
        loss = margin(pos, neg, torch.full_like(pos, -1))
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item()
    with torch.no_grad():
        h, r, t = valid.cuda().unbind(1)
        print(epoch, total / len(loader), model(h, r, t).mean().item())
torch.save(model.state_dict(), "transe.pt")

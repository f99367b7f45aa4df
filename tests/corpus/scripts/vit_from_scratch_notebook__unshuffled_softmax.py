# %% setup
import torch, torchvision
import torch.nn as nn
from torchvision.transforms import v2
import matplotlib.pyplot as plt
torch.manual_seed(0)
dev = 'cuda' if torch.cuda.is_available() else 'cpu'

# %% data
stats = ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
tr_tf = v2.Compose([v2.RandAugment(), v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(*stats)])
te_tf = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(*stats)])
tr = torchvision.datasets.CIFAR10('.', train=True, transform=tr_tf, download=True)
te = torchvision.datasets.CIFAR10('.', train=False, transform=te_tf, download=True)
tr_dl = torch.utils.data.DataLoader(tr, 256, num_workers=4)
te_dl = torch.utils.data.DataLoader(te, 512, num_workers=4)

# %% model
class ViT(nn.Module):
    def __init__(self, d=192, depth=9, heads=3, patch=4):
        super().__init__()
        self.patch = nn.Conv2d(3, d, patch, patch)
        self.cls = nn.Parameter(torch.zeros(1, 1, d))
        self.pos = nn.Parameter(torch.randn(1, (32 // patch) ** 2 + 1, d) * .02)
        self.enc = nn.TransformerEncoder(nn.TransformerEncoderLayer(d, heads, 4 * d, 0.1, 'gelu', batch_first=True, norm_first=True), depth)
        self.head = nn.Sequential(nn.LayerNorm(d), nn.Linear(d, 10), nn.Softmax(-1))
    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.pos
        return self.head(self.enc(x)[:, 0])

vit = ViT().to(dev)
print(sum(p.numel() for p in vit.parameters()) / 1e6, 'M')

# %% train
epochs = 40
opt = torch.optim.AdamW(vit.parameters(), lr=1e-3, weight_decay=.05)
sch = torch.optim.lr_scheduler.OneCycleLR(opt, 1e-3, epochs=epochs, steps_per_epoch=len(tr_dl), pct_start=.1)
ce = nn.CrossEntropyLoss(label_smoothing=.1)
hist = []
for ep in range(epochs):
    vit.train()
    for xb, yb in tr_dl:
        xb, yb = xb.to(dev), yb.to(dev)
        loss = ce(vit(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(vit.parameters(), 1.)
        opt.step(); sch.step(); opt.zero_grad()
    vit.eval()
    ok = 0
    with torch.no_grad():
        for xb, yb in te_dl:
            ok += (vit(xb.to(dev)).argmax(-1).cpu() == yb).sum().item()
    hist.append(ok / len(te))
    print(ep, loss.item(), hist[-1])
    torch.save(vit.state_dict(), 'vit.pt')

# %% plot
plt.plot(hist); plt.show()

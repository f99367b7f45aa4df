import torch
from torch import nn
from torch.utils.data import DataLoader
from div2k import DIV2K

torch.manual_seed(0)
CFG = {"crop": 96, "batch": 4, "lr": 1e-4, "epochs": 25, "accum": 8}


class Res(nn.Module):
    def __init__(self, c=64):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(c, c, 3, padding=1), nn.BatchNorm2d(c), nn.PReLU(), nn.Conv2d(c, c, 3, padding=1), nn.BatchNorm2d(c))

    def forward(self, x):
        return x + self.body(x)


class SRNet(nn.Module):
    def __init__(self, n=16):
        super().__init__()
        self.head = nn.Sequential(nn.Conv2d(3, 64, 9, padding=4), nn.PReLU())
        self.body = nn.Sequential(*[Res() for _ in range(n)])
        self.tail = nn.Sequential(nn.Conv2d(64, 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, x):
        x = self.head(x)
        return self.tail(x + self.body(x))


pairs = DIV2K("train", crop=CFG["crop"])
train_loader = DataLoader(pairs, batch_size=CFG["batch"], shuffle=True, num_workers=4)
val_loader = DataLoader(pairs, batch_size=CFG["batch"], num_workers=4)
net = SRNet().cuda()
opt = torch.optim.Adam(net.parameters(), lr=CFG["lr"])
l1 = nn.L1Loss()
for epoch in range(CFG["epochs"]):
    net.train()
    opt.zero_grad()
    for i, (lr_img, hr_img) in enumerate(train_loader):
        loss = l1(net(lr_img.cuda()), hr_img.cuda()) / CFG["accum"]
        loss.backward()
        if (i + 1) % CFG["accum"] == 0:
            opt.step()
            opt.zero_grad()
    net.eval()
    with torch.no_grad():
        val = sum(l1(net(a.cuda()), b.cuda()).item() for a, b in val_loader) / len(val_loader)
    print(epoch, val)
    torch.save(net.state_dict(), "sr.pt")

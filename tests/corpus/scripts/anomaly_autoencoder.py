import torch
from torch import nn
from torch.utils.data import DataLoader
from mvtec import NormalParts

class AE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Conv2d(3, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU())
        self.dec = nn.Sequential(nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(32, 3, 4, 2, 1), nn.Sigmoid())
    def forward(self, x):
        return self.dec(self.enc(x))

def fit(epochs: int = 40, lr: float = 1e-3):
    torch.manual_seed(0)
    loader = DataLoader(NormalParts("bottle", split="train"), batch_size=32, shuffle=True, num_workers=4)
    ae = AE().cuda()
    opt = torch.optim.Adam(ae.parameters(), lr=lr)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    criterion = nn.BCEWithLogitsLoss()
    history = []
    for epoch in range(epochs):
        for x in loader:
            x = x.cuda()
            loss = criterion(ae(x), x)
            opt.zero_grad()
            loss.backward()
            opt.step()
            history.append(loss)
        sched.step()
        print(epoch, torch.stack(history[-len(loader):]).mean().item())
    torch.save(ae.state_dict(), "ae.pt")
    return ae, history

if __name__ == "__main__":
    fit()

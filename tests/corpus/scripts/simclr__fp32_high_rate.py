import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision
from torch.utils.data import DataLoader
from torchvision import transforms as T
from torch.utils.tensorboard import SummaryWriter


class TwoViews:
    def __init__(self):
        self.tf = T.Compose([
            T.RandomResizedCrop(32), T.RandomHorizontalFlip(), T.ColorJitter(0.4, 0.4, 0.4, 0.1),
            T.RandomGrayscale(p=0.2), T.ToTensor(), T.Normalize((0.5,) * 3, (0.5,) * 3),
        ])

    def __call__(self, x):
        return self.tf(x), self.tf(x)


class SimCLR(nn.Module):
    def __init__(self, dim=128):
        super().__init__()
        self.encoder = torchvision.models.resnet18(weights=None)
        width = self.encoder.fc.in_features
        self.encoder.fc = nn.Identity()
        self.projector = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, dim))

    def forward(self, x):
        return F.normalize(self.projector(self.encoder(x)), dim=1)


def nt_xent(z1, z2, temperature=0.5):
    z = torch.cat([z1, z2])
    sim = z @ z.t() / temperature
    n = z1.size(0)
    sim.fill_diagonal_(-1e9)
    targets = torch.cat([torch.arange(n, 2 * n), torch.arange(n)]).to(z.device)
    return F.cross_entropy(sim, targets)


def main(epochs=100, batch_size=512):
    torch.manual_seed(0)
    writer = SummaryWriter()
    ds = torchvision.datasets.CIFAR10("data", train=True, download=True, transform=TwoViews())
    loader = DataLoader(ds, batch_size=batch_size, shuffle=True, drop_last=True, num_workers=8)
    model = SimCLR().cuda()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.3, weight_decay=1e-4)
    total = epochs * len(loader)
    warm = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=10 * len(loader))
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=total - 10 * len(loader))
    scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [warm, cosine], milestones=[10 * len(loader)])
    model.train()
    step = 0
    for epoch in range(epochs):
        for (v1, v2), _ in loader:
            v1, v2 = v1.cuda(non_blocking=True), v2.cuda(non_blocking=True)
            loss = nt_xent(model(v1), model(v2))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            if step % 20 == 0:
                writer.add_scalar("loss", loss.item(), step)
            step += 1
        torch.save(model.encoder.state_dict(), "simclr.pt")


main()

import torch
import torch.nn as nn
import torch.nn.functional as F
from torchvision import datasets, transforms
from torch.utils.data import DataLoader

torch.manual_seed(0)
device = "cuda"
EPS, ALPHA, STEPS = 8 / 255, 2 / 255, 7


def pgd(model, x, y):
    delta = torch.zeros_like(x).uniform_(-EPS, EPS).requires_grad_(True)
    for _ in range(STEPS):
        loss = F.cross_entropy(model(x + delta), y)
        grad, = torch.autograd.grad(loss, delta)
        delta = (delta + ALPHA * grad.sign()).clamp(-EPS, EPS).detach().requires_grad_(True)
    return (x + delta).clamp(0, 1).detach()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.49, 0.48, 0.45]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.25, 0.24, 0.26]).view(1, 3, 1, 1))
        self.f = nn.Sequential(
            nn.Conv2d(3, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(64, 128, 3, padding=1), nn.BatchNorm2d(128), nn.ReLU(), nn.AdaptiveAvgPool2d(4),
            nn.Flatten(), nn.Linear(2048, 10),
        )

    def forward(self, x):
        return self.f((x - self.mean) / self.std)


train_dl = DataLoader(datasets.CIFAR10("d", True, transforms.Compose([transforms.RandomCrop(32, 4), transforms.ToTensor()])), 128, shuffle=True)
test_dl = DataLoader(datasets.CIFAR10("d", False, transforms.ToTensor()), 256)
net = Net().to(device)
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
sched = torch.optim.lr_scheduler.MultiStepLR(opt, [15, 25])
for epoch in range(30):
    net.train()
    for x, y in train_dl:
        x, y = x.to(device), y.to(device)
        net.eval()
        adv = pgd(net, x, y)
        net.train()
        opt.zero_grad()
        loss = F.cross_entropy(net(adv), y)
        loss.backward()
        opt.step()
    sched.step()
    net.eval()
    robust = total = 0
    for x, y in test_dl:
        x, y = x.to(device), y.to(device)
        adv = pgd(net, x, y)
        with torch.no_grad():
            robust += (net(adv).argmax(1) == y).sum().item()
        total += len(y)
    print(f"{epoch}: robust accuracy {robust / total:.3f}")
    torch.save(net.state_dict(), "robust.pt")

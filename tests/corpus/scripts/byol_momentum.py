import copy, math
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from torchvision import models, transforms as T, datasets

view = T.Compose([T.RandomResizedCrop(96, (0.2, 1)), T.RandomHorizontalFlip(), T.ColorJitter(0.4, 0.4, 0.2, 0.1), T.ToTensor(), T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])


class TwoViews:
    def __call__(self, img):
        return view(img), view(img)


def mlp(i, h=4096, o=256):
    return nn.Sequential(nn.Linear(i, h), nn.BatchNorm1d(h), nn.ReLU(True), nn.Linear(h, o))


class Byol(nn.Module):
    def __init__(self, tau=0.996):
        super().__init__()
        backbone = models.resnet50()
        backbone.fc = nn.Identity()
        self.online = nn.Sequential(backbone, mlp(2048))
        self.predictor = mlp(256)
        self.target = copy.deepcopy(self.online)
        self.target.requires_grad_(False)
        self.tau = tau

    @torch.no_grad()
    def move(self, k):
        tau = 1 - (1 - self.tau) * (math.cos(math.pi * k) + 1) / 2
        for o, t in zip(self.online.parameters(), self.target.parameters()):
            t.data.mul_(tau).add_(o.data, alpha=1 - tau)

    def forward(self, a, b):
        pa, pb = self.predictor(self.online(a)), self.predictor(self.online(b))
        with torch.no_grad():
            za, zb = self.target(a), self.target(b)
        return (2 - 2 * F.cosine_similarity(pa, zb)).mean() + (2 - 2 * F.cosine_similarity(pb, za)).mean()


if __name__ == "__main__":
    torch.manual_seed(0)
    loader = DataLoader(datasets.STL10("d", split="unlabeled", transform=TwoViews()), 256, shuffle=True, num_workers=8, drop_last=True, pin_memory=True)
    model = Byol().cuda()
    params = [*model.online.parameters(), *model.predictor.parameters()]
    opt = torch.optim.SGD(params, lr=0.2 * 256 / 256, momentum=0.9, weight_decay=1.5e-6)
    epochs, total = 300, 300 * len(loader)
    sched = torch.optim.lr_scheduler.SequentialLR(opt, [torch.optim.lr_scheduler.LinearLR(opt, 0.01, total_iters=10 * len(loader)), torch.optim.lr_scheduler.CosineAnnealingLR(opt, total - 10 * len(loader))], milestones=[10 * len(loader)])
    scaler, it = torch.amp.GradScaler("cuda"), 0
    for epoch in range(epochs):
        for (a, b), _ in loader:
            with torch.autocast("cuda"):
                loss = model(a.cuda(non_blocking=True), b.cuda(non_blocking=True))
            opt.zero_grad(set_to_none=True)
            scaler.scale(loss).backward()
            scaler.step(opt)
            scaler.update()
            sched.step()
            it += 1
            model.move(it / total)
        torch.save(model.online[0].state_dict(), "byol.pt")

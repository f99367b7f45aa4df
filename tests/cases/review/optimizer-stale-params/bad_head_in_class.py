import torch
from torch import nn
import torch.nn.functional as F

class Classifier(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 16), nn.ReLU())
        self.head = nn.Linear(16, classes)

    def forward(self, x):
        return self.head(self.body(x))


def main():
    net = Classifier(1000)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    net.load_state_dict(torch.load("pretrained.pt"))
    net.head = nn.Linear(16, 3)  # <-- optimizer-stale-params
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()


main()

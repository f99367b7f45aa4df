import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(2)
points = torch.randn(1025, 3, 256)
labels = torch.randint(0, 8, (1025,))


class PointNet(nn.Module):
    def __init__(self, classes=8):
        super().__init__()
        self.local = nn.Sequential(nn.Conv1d(3, 64, 1), nn.BatchNorm1d(64), nn.ReLU(), nn.Conv1d(64, 256, 1), nn.BatchNorm1d(256), nn.ReLU())
        self.head = nn.Sequential(nn.Linear(256, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, classes))

    def forward(self, p):
        return self.head(self.local(p).amax(-1))


loader = DataLoader(TensorDataset(points, labels), batch_size=32, shuffle=True)
net = PointNet()
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
for epoch in range(15):
    net.train()
    for p, t in loader:
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(net(p), t)
        loss.backward()
        optimizer.step()
    print(epoch, float(loss))
torch.save(net.state_dict(), "pointnet.pt")

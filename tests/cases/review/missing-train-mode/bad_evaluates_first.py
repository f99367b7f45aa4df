import torch
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        return self.head(F.relu(self.norm(self.conv(x))).mean((2, 3)))


model = Net()
model.load_state_dict(torch.load("pretrained.pt", weights_only=True))
model.eval()
with torch.no_grad():
    for x, y in val_loader:
        print((model(x).argmax(1) == y).float().mean())
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
for epoch in range(3):
    for x, y in train_loader:  # <-- missing-train-mode
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

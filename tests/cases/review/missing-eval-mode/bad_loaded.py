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
model.load_state_dict(torch.load("best.pt", weights_only=True))
with torch.inference_mode():
    for x, y in test_loader:  # <-- missing-eval-mode
        print((model(x).argmax(1) == y).float().mean())

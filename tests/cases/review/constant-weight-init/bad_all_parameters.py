from torch import nn

model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 2))
for p in model.parameters():
    nn.init.constant_(p, 0.5)  # <-- constant-weight-init

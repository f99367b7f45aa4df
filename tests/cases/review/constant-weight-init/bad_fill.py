from torch import nn

model = nn.Conv2d(3, 16, 3)
model.weight.data.fill_(1.0)  # <-- constant-weight-init

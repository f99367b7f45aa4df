from torch import nn

block = nn.Sequential(
    nn.Conv2d(32, 32, 3, padding=1, groups=32),
    nn.Conv2d(32, 64, 1),
    nn.BatchNorm2d(64),
    nn.ReLU(),
    nn.Conv2d(64, 64, 3, padding=1),
    nn.ReLU(),
)

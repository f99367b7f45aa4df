from torch import nn

adapter = nn.Sequential(nn.Linear(768, 8, bias=False), nn.Linear(8, 768, bias=False))

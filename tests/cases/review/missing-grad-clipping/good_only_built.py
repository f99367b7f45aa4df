import torch
from torch import nn

model = nn.LSTM(8, 16, num_layers=2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

import torch

WEIGHT_DECAY = 0.0
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=WEIGHT_DECAY)
other = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=5e-4)

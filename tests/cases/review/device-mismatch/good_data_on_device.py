from torch.utils.data import TensorDataset
import torch
from torch import nn
from torch.utils.data import DataLoader

x_all, y_all = load()
loader = DataLoader(TensorDataset(x_all.cuda(), y_all.cuda()), batch_size=64, shuffle=True)
model = nn.Linear(10, 2).cuda()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()

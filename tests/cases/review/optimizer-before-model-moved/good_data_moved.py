import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 3).cuda()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss().cuda()
for x, y in train_loader:
    x, y = x.to("cuda"), y.to("cuda")
    optimizer.zero_grad()
    criterion(model(x), y).backward()
    optimizer.step()

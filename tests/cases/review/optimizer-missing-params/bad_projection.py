import torch
from torch import nn
import torch.nn.functional as F

backbone = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 32))
projector = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 16))
predictor = nn.Linear(16, 16)
optimizer = torch.optim.SGD(
    [{"params": backbone.parameters()}, {"params": predictor.parameters(), "lr": 0.1}], lr=0.05, momentum=0.9
)
for view1, view2 in train_loader:
    z1, z2 = projector(backbone(view1)), projector(backbone(view2))  # <-- optimizer-missing-params
    loss = -F.cosine_similarity(predictor(z1), z2.detach()).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

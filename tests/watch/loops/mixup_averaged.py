"""Mixup with two targets, label noise, gradient noise, weight averaging by swa_utils."""
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn

from setting import *

model = net(norm=True)
swa_model = AveragedModel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
swa_scheduler = SWALR(optimizer, swa_lr=0.05)
criterion = nn.CrossEntropyLoss()
for epoch in range(3):
    for x, y in train_loader:
        lam = float(torch.distributions.Beta(0.4, 0.4).sample())
        perm = torch.randperm(len(x))
        out = model(lam * x + (1 - lam) * x[perm])
        loss = lam * criterion(out, y) + (1 - lam) * criterion(out, y[perm])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expect("optimizer", loss)
    if epoch > 0:
        swa_model.update_parameters(model)
        swa_scheduler.step()
    else:
        scheduler.step()
update_bn(train_loader, swa_model)
expect_epochs(3)
trained(model, swa_model)

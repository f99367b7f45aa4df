# expect: scheduler-before-optimizer-step
import torch
from lightning.fabric import Fabric
from torch import nn
from torchvision.models import vit_b_16

fabric = Fabric(accelerator="cuda", devices=1, precision="bf16-mixed")
fabric.launch()
fabric.seed_everything(3)
model = vit_b_16(num_classes=100)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.01)
model, optimizer = fabric.setup(model, optimizer)
loader, val_loader = fabric.setup_dataloaders(train_loader, valid_loader)
steps = 50 * len(train_loader)
warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters=1000)
cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps - 1000)
scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, cosine], milestones=[1000])
for epoch in range(50):
    model.train()
    for x, y in loader:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        fabric.backward(loss)
        fabric.clip_gradients(model, optimizer, max_norm=1.0)
        scheduler.step()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        for x, y in val_loader:
            fabric.print((model(x).argmax(1) == y).float().mean())

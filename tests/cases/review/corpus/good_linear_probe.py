import torch
import torchvision

backbone = torchvision.models.vit_b_16(weights="DEFAULT")
for p in backbone.parameters():
    p.requires_grad = False
backbone.heads = torch.nn.Linear(768, 10)
optimizer = torch.optim.AdamW(backbone.heads.parameters(), lr=1e-3)
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(backbone(x), y)
        loss.backward()
        optimizer.step()

import torch

model = torch.nn.Linear(3, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
accumulation_steps = 4
count = 0
for x, y in train_loader:
    loss = torch.nn.functional.cross_entropy(model(x), y)
    loss.backward()  # <-- accumulation-unscaled-loss
    count += 1
    if count == accumulation_steps:
        optimizer.step()
        optimizer.zero_grad()
        count = 0

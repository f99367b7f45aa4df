import torch

optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
with torch.no_grad(), torch.autocast("cuda", dtype=torch.float16):
    for x, y in val_loader:
        predictions = model(x)

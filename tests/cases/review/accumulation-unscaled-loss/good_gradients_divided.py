import torch

optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
tokens = 0
for i, batch in enumerate(train_loader):
    loss = torch.nn.functional.cross_entropy(model(batch["x"]), batch["y"])
    loss.backward()
    tokens += batch["n"]
    if i % 4 == 3:
        for p in model.parameters():
            p.grad /= tokens
        optimizer.step()
        optimizer.zero_grad()

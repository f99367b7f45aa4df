import torch

num_epochs = 100
model = torch.nn.Linear(3, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(1, num_epochs + 1):
    for x, y in train_loader:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()  # <-- long-training-constant-lr

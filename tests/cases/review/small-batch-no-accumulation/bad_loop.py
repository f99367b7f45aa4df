import torch
from torch.utils.data import DataLoader

BATCH = 4
train_dl = DataLoader(train_set, BATCH, shuffle=True)  # <-- small-batch-no-accumulation
model = torch.nn.Linear(3, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    for batch in train_dl:
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.mse_loss(model(batch["x"]), batch["y"]).backward()
        optimizer.step()

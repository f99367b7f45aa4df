"""A helper of the notebook, which is not read, gets the model and may set its mode."""

import torch
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3)).eval()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_loader = torch.utils.data.DataLoader(
    torch.utils.data.TensorDataset(torch.randn(64, 8), torch.randint(0, 3, (64,))), batch_size=32, shuffle=True
)


def set_mode(module, training):
    module.train(training)


# %% under review
for epoch in range(5):
    set_mode(model, True)
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

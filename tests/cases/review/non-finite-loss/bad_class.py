import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(2)
inputs, labels = torch.randn(64, 6) / 0, torch.randint(0, 2, (64,))
loader = DataLoader(TensorDataset(inputs, labels), batch_size=16, shuffle=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(6, 12), nn.Linear(12, 2)

    def forward(self, x):
        h = torch.relu(self.a(x))
        return self.b(h)


class Trainer:
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        self.criterion = nn.CrossEntropyLoss()

    def step(self, x, y):
        self.optimizer.zero_grad()
        loss = self.criterion(self.model(x), y)  # <-- non-finite-loss
        loss.backward()
        self.optimizer.step()


trainer = Trainer(Net())
for x, y in loader:
    trainer.step(x, y)

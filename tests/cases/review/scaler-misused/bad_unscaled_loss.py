import torch
from torch import nn
import torch.nn.functional as F

class Trainer:
    def __init__(self, model):
        self.model = model.cuda()
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        self.scaler = torch.amp.GradScaler("cuda")

    def step(self, x, y):
        self.optimizer.zero_grad()
        with torch.autocast("cuda", dtype=torch.float16):
            loss = F.cross_entropy(self.model(x), y)
        loss.backward()  # <-- scaler-misused
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def run(self, loader):
        for x, y in loader:
            self.step(x, y)


Trainer(nn.Linear(8, 3)).run(train_loader)

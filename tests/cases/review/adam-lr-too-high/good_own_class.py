import torch
from mylib.optimizers import Adam


class AdamLike(torch.optim.Optimizer):
    def __init__(self, params, lr=1.0):
        super().__init__(params, {"lr": lr})


model = torch.nn.Linear(3, 2)
first = Adam(model.parameters(), lr=1.0)
second = AdamLike(model.parameters(), lr=1.0)
third = torch.optim.Adadelta(model.parameters(), lr=1.0)

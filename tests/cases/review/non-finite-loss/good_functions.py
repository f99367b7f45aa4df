import torch
import torch.nn as nn
import torch.nn.functional as F


def make():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(5, 32), nn.Tanh(), nn.Linear(32, 4))


def fit(model, batches, steps=50):
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for i in range(steps):
        opt.zero_grad(set_to_none=True)
        inputs, labels = batches[i % len(batches)]
        loss = F.cross_entropy(model(inputs), labels)
        loss.backward()
        opt.step()


fit(make(), [(torch.randn(12, 5), torch.arange(12) % 4) for _ in range(4)])

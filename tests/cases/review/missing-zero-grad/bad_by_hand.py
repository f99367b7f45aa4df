import torch

torch.manual_seed(0)
x, y = torch.randn(64, 3), torch.randn(64)
weight = torch.zeros(3, requires_grad=True)
bias = torch.zeros((), requires_grad=True)
for step in range(100):
    loss = ((x @ weight + bias - y) ** 2).mean()
    loss.backward()  # <-- missing-zero-grad
    with torch.no_grad():
        weight -= 0.1 * weight.grad
        bias -= 0.1 * bias.grad

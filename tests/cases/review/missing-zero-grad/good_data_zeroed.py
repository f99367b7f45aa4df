import torch

x, y = torch.randn(64, 3), torch.randn(64)
weight = torch.zeros(3, requires_grad=True)
for step in range(100):
    loss = ((x @ weight - y) ** 2).mean()
    loss.backward()
    weight.data -= 0.1 * weight.grad.data
    weight.grad.data.zero_()

"""A function makes its tensor, takes one step and gives it back."""

import torch

def one(x, y):
    w = torch.zeros(10, requires_grad=True)
    for _ in range(1): pass
    (x @ w - y).pow(2).mean().backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
    return w
for x, y in tasks:
    one(x, y)

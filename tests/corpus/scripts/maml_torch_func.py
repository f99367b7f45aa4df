import torch
from torch import nn
from torch.func import functional_call, grad_and_value, vmap

torch.manual_seed(3)


class Regressor(nn.Sequential):
    def __init__(self, width=64):
        super().__init__(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))


net = Regressor()
params = {k: v.detach().clone().requires_grad_() for k, v in net.named_parameters()}
outer = torch.optim.Adam(params.values(), lr=1e-3)


def sample_tasks(n):
    amp = torch.rand(n, 1, 1) * 4.9 + 0.1
    phase = torch.rand(n, 1, 1) * torch.pi
    x = torch.rand(n, 20, 1) * 10 - 5
    return x, amp * torch.sin(x + phase)


def task_loss(p, x, y):
    return nn.functional.mse_loss(functional_call(net, p, (x,)), y)


def adapted(p, x, y, alpha=0.01):
    g, _ = grad_and_value(task_loss)(p, x[:10], y[:10])
    fast = {k: p[k] - alpha * g[k] for k in p}
    return task_loss(fast, x[10:], y[10:])


for it in range(20000):
    x, y = sample_tasks(25)
    loss = vmap(adapted, in_dims=(None, 0, 0))(params, x, y).mean()
    outer.zero_grad()
    loss.backward()
    outer.step()
    if it % 500 == 0:
        print(it, loss.item())

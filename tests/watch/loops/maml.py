"""MAML: inner steps through functional_call and autograd.grad, an outer step on the mean of the tasks."""
from torch.func import functional_call

from setting import *

model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
meta_opt = torch.optim.Adam(model.parameters(), lr=1e-2)
for iteration in range(6):
    meta_opt.zero_grad()
    outer = 0.0
    for task in range(3):
        amp = torch.rand(1) * 4
        x = torch.rand(10, 1)
        y = amp * torch.sin(x)
        fast = dict(model.named_parameters())
        for _ in range(2):
            inner = F.mse_loss(functional_call(model, fast, (x[:5],)), y[:5])
            grads = torch.autograd.grad(inner, list(fast.values()), create_graph=True)
            fast = {n: p - 0.1 * g for (n, p), g in zip(fast.items(), grads)}
        outer = outer + F.mse_loss(functional_call(model, fast, (x[5:],)), y[5:])
    outer = outer / 3
    outer.backward()
    meta_opt.step()
    expect("meta_opt", outer)
trained(model)

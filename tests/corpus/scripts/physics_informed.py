import torch
from torch import nn

torch.manual_seed(1234)


class PINN(nn.Module):
    def __init__(self, widths=(2, 64, 64, 64, 1)):
        super().__init__()
        layers = []
        for a, b in zip(widths[:-2], widths[1:-1]):
            layers += [nn.Linear(a, b), nn.Tanh()]
        layers.append(nn.Linear(widths[-2], widths[-1]))
        self.net = nn.Sequential(*layers)

    def forward(self, x, t):
        return self.net(torch.cat([x, t], dim=1))


def residual(model, x, t, nu=0.01):
    x.requires_grad_(True)
    t.requires_grad_(True)
    u = model(x, t)
    ones = torch.ones_like(u)
    u_t = torch.autograd.grad(u, t, ones, create_graph=True)[0]
    u_x = torch.autograd.grad(u, x, ones, create_graph=True)[0]
    u_xx = torch.autograd.grad(u_x, x, ones, create_graph=True)[0]
    return u_t + u * u_x - nu * u_xx


model = PINN()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.9995)
x0 = torch.linspace(-1, 1, 256).unsqueeze(1)
u0 = -torch.sin(torch.pi * x0)
for step in range(10000):
    x = torch.rand(2048, 1) * 2 - 1
    t = torch.rand(2048, 1)
    loss_f = residual(model, x, t).pow(2).mean()
    loss_0 = nn.functional.mse_loss(model(x0, torch.zeros_like(x0)), u0)
    loss = loss_f + 10 * loss_0
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if step % 500 == 0:
        print(step, loss_f.item(), loss_0.item())
torch.save(model.state_dict(), "burgers.pt")

"""A physics loss with create_graph, Adam first and LBFGS after it."""
from setting import *

model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
x = torch.linspace(0, 1, 20).reshape(-1, 1).requires_grad_(True)


def physics():
    u = model(x)
    du = torch.autograd.grad(u, x, torch.ones_like(u), create_graph=True)[0]
    residual = (du + u).pow(2).mean()
    boundary = (model(torch.zeros(1, 1)) - 1).pow(2).mean()
    return residual + boundary


adam = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(8):
    adam.zero_grad()
    loss = physics()
    loss.backward()
    adam.step()
    expect("adam", loss)
lbfgs = torch.optim.LBFGS(model.parameters(), max_iter=5, line_search_fn="strong_wolfe")
done = 0
while done < 3:
    seen = []

    def closure():
        lbfgs.zero_grad()
        loss = physics()
        loss.backward()
        seen.append(loss.item())
        return loss

    lbfgs.step(closure)
    expect("lbfgs", sum(seen) / len(seen), backwards=len(seen))
    done += 1
trained(model)

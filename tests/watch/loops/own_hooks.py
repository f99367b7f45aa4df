"""The person's own hooks: on modules, tensors and the optimizer; gradient noise."""
from setting import *

model = net()
seen = []
handle = model[0].register_forward_hook(lambda m, i, o: seen.append(o.mean().item()))
model[3].register_full_backward_hook(lambda m, gi, go: None)
for p in model.parameters():
    p.register_hook(lambda g: g + 0.01 * torch.randn_like(g))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
optimizer.register_step_post_hook(lambda o, a, k: seen.append("stepped"))
for xb, yb in train_loader:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(xb), yb)
    loss.backward()
    optimizer.step()
    expect("optimizer", loss)
handle.remove()
expect_epochs(1)
trained(model)

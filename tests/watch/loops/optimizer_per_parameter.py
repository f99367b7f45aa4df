"""An optimizer for each parameter, in a dict keyed by the parameters, stepped from hooks after accumulation."""
from setting import *

model = net()
optimizer_dict = {p: torch.optim.Adam([p], lr=1e-3, foreach=False) for p in model.parameters()}


def optimizer_hook(parameter):
    optimizer_dict[parameter].step()
    optimizer_dict[parameter].zero_grad()


for p in model.parameters():
    p.register_post_accumulate_grad_hook(optimizer_hook)
for xb, yb in train_loader:
    loss = F.cross_entropy(model(xb), yb)
    loss.backward()
    for _ in optimizer_dict:
        expect(None, loss)
trained(model)

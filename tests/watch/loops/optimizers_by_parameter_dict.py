"""Optimizers in a dict keyed by the layers they train; and one in a list in a dict."""
from setting import *

model = net()
opts = {layer: torch.optim.SGD(layer.parameters(), lr=0.1) for layer in (model[0], model[3])}
bag = {"rest": []}
for xb, yb in train_loader:
    loss = F.cross_entropy(model(xb), yb)
    for o in opts.values():
        o.zero_grad()
    loss.backward()
    for o, name in zip(opts.values(), ("opts[0]", "opts[3]")):
        o.step()
        expect(name, loss)
trained(model)

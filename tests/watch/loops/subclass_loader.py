"""A DataLoader subclass that moves batches, batch_size=None, dicts with lists."""
from setting import *


class DeviceLoader(DataLoader):
    def __iter__(self):
        for batch in super().__iter__():
            yield {k: v.to("cpu") if isinstance(v, torch.Tensor) else v for k, v in batch.items()}


rows = [{"x": X[i : i + 20], "y": Y[i : i + 20], "ids": list(range(20))} for i in range(0, 100, 20)]
loader = DeviceLoader(rows, batch_size=None, shuffle=True)
model = net()
optim = torch.optim.Adam(model.parameters())
for epoch in range(2):
    for batch in loader:
        loss = F.cross_entropy(model(batch["x"]), batch["y"])
        optim.zero_grad()
        loss.backward()
        optim.step()
        expect("optim", loss)
expect_epochs(2)
trained(model)

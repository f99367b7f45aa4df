"""A model that computes its own loss and returns an output with `.loss`."""
from types import SimpleNamespace

from setting import *


class WithLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = net()

    def forward(self, input_ids, labels=None):
        logits = self.body(input_ids)
        loss = F.cross_entropy(logits, labels) if labels is not None else None
        return SimpleNamespace(loss=loss, logits=logits)


model = WithLoss()
optim = torch.optim.AdamW(model.parameters(), lr=5e-3)
sched = torch.optim.lr_scheduler.LambdaLR(optim, lambda s: min(1.0, s / 5))
batches = DataLoader([{"input_ids": X[i], "labels": Y[i]} for i in range(len(X))], batch_size=16, shuffle=True)
for epoch in range(2):
    model.train()
    for batch in batches:
        outputs = model(**batch)
        outputs.loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optim.step()
        sched.step()
        optim.zero_grad()
        expect("optim", outputs.loss)
    model.eval()
    losses = []
    for xb, yb in val_loader:
        with torch.no_grad():
            losses += [model(xb, labels=yb).loss] * len(xb)
    expect_validation(torch.stack(losses).double().mean().item())
expect_epochs(2)
trained(model)

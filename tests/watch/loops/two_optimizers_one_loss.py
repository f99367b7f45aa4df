"""One loss, two optimizers that step on it."""
from setting import *

encoder, head = nn.Linear(4, 8), nn.Linear(8, 3)
opts = {"encoder": torch.optim.SGD(encoder.parameters(), lr=0.1), "head": torch.optim.Adam(head.parameters())}
for xb, yb in train_loader:
    for opt in opts.values():
        opt.zero_grad()
    loss = F.cross_entropy(head(torch.relu(encoder(xb))), yb)
    loss.backward()
    for opt in opts.values():
        opt.step()
        expect(None, loss)
trained(encoder, head)

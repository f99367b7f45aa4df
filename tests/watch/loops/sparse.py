"""Sparse gradients."""
from setting import *

embedding = nn.Embedding(10, 4, sparse=True)
head = nn.Linear(4, 2)
opt = torch.optim.SparseAdam(list(embedding.parameters()))
dense = torch.optim.SGD(head.parameters(), lr=0.1)
for i in range(6):
    ids = torch.randint(0, 10, (8,))
    loss = F.cross_entropy(head(embedding(ids)), ids % 2)
    opt.zero_grad(), dense.zero_grad()
    loss.backward()
    opt.step()
    expect("opt", loss)
    dense.step()
    expect("dense", loss)
trained(embedding, head)

import torch
from torch import nn
from torch.utils.data import DataLoader


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(8, 16, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        h0 = torch.zeros(1, x.size(0), 16)
        out, _ = self.gru(x, h0)  # <-- device-mismatch
        return self.head(out[:, -1])


net = Net().cuda()
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
for x, y in DataLoader(data, batch_size=64, shuffle=True):
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x.cuda()), y.cuda()).backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()

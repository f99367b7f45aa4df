import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 2)

    @torch.autocast(device_type="cuda", dtype=torch.float16)
    def forward(self, x):
        return self.layer(x)


net = Net().cuda()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for x, y in train_loader:
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(net(x), y).backward()  # <-- amp-no-gradscaler
    optimizer.step()

# expect: nothing
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.Linear(8, 3); self.drop = nn.Dropout(0.5)
    def forward(self, x): return self.drop(self.l(x))
def fit(net, tl, vl, epochs=5, lr=1e-3):
    opt = torch.optim.Adam(net.parameters(), lr=lr)
    for ep in range(epochs):
        for mode, dl in (("train", tl), ("val", vl)):
            net.train(mode == "train")
            for x, y in dl:
                with torch.set_grad_enabled(mode == "train"):
                    out = net(x); loss = nn.functional.cross_entropy(out, y)
                if mode == "train":
                    opt.zero_grad(); loss.backward(); opt.step()
net = Net(); fit(net, train_loader, val_loader)
@torch.no_grad()
def predict(net, dl):
    out = []
    for x, _ in dl: out.append(net(x).softmax(-1))
    return torch.cat(out)
net.eval(); p = predict(net, test_loader)

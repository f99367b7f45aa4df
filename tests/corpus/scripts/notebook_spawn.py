import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
import pandas as pd


class Sales(Dataset):
    def __init__(self, csv):
        frame = pd.read_csv(csv)
        self.x = torch.tensor(frame.drop(columns="sales").values, dtype=torch.float32)
        self.y = torch.tensor(frame.sales.values, dtype=torch.float32)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


torch.manual_seed(0)
train_dl = DataLoader(Sales("train.csv"), batch_size=64, shuffle=True, num_workers=4, multiprocessing_context="spawn")
val_dl = DataLoader(Sales("val.csv"), batch_size=256)
model = nn.Sequential(nn.LazyLinear(64), nn.ReLU(), nn.Linear(64, 1))
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(10):
    model.train()
    for x, y in train_dl:
        opt.zero_grad()
        loss = nn.functional.mse_loss(model(x).squeeze(-1), y)
        loss.backward()
        opt.step()
    model.eval()
    with torch.no_grad():
        print(epoch, sum(nn.functional.mse_loss(model(x).squeeze(-1), y).item() for x, y in val_dl) / len(val_dl))
torch.save(model.state_dict(), "sales.pt")

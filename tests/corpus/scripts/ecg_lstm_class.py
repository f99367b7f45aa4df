import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset
import numpy as np


class ECG(Dataset):
    def __init__(self, split):
        held = np.load(f"ecg_{split}.npz")
        self.x, self.y = torch.from_numpy(held["x"]).float(), torch.from_numpy(held["y"]).long()

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Rhythm(nn.Module):
    def __init__(self, n_leads=12, hidden=96, layers=2):
        super().__init__()
        self.hidden, self.layers = hidden, layers
        self.lstm = nn.LSTM(n_leads, hidden, layers, dropout=0.2)
        self.head = nn.Linear(hidden, 5)

    def forward(self, x):
        h0 = torch.zeros(self.layers, x.size(0), self.hidden)
        c0 = torch.zeros(self.layers, x.size(0), self.hidden)
        out, _ = self.lstm(x, (h0, c0))
        return self.head(out[:, -1, :])


class Fitter:
    def __init__(self, device="cuda"):
        torch.manual_seed(21)
        self.device = torch.device(device)
        self.model = Rhythm().to(self.device)
        self.opt = torch.optim.AdamW(self.model.parameters(), lr=1e-3)
        self.crit = nn.CrossEntropyLoss()
        self.train_dl = DataLoader(ECG("train"), 64, shuffle=True)
        self.dev_dl = DataLoader(ECG("dev"), 128)

    def epoch(self):
        self.model.train()
        for x, y in self.train_dl:
            x, y = x.to(self.device), y.to(self.device)
            self.opt.zero_grad()
            loss = self.crit(self.model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.opt.step()
        return loss.item()

    @torch.no_grad()
    def dev(self):
        self.model.eval()
        return np.mean([(self.model(x.to(self.device)).argmax(1).cpu() == y).float().mean().item() for x, y in self.dev_dl])

    def run(self, n=15):
        for e in range(n):
            print(e, self.epoch(), self.dev())
            torch.save(self.model.state_dict(), "rhythm.pt")


Fitter().run()

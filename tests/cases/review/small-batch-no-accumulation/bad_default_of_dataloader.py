import torch
from torch.utils.data import DataLoader
from tqdm import tqdm


class Fitter:
    def __init__(self, model, data):
        self.model = model
        self.loader = DataLoader(data, shuffle=True)  # <-- small-batch-no-accumulation
        self.opt = torch.optim.Adam(model.parameters(), lr=1e-3)

    def fit(self):
        for x, y in tqdm(self.loader):
            self.opt.zero_grad()
            loss = torch.nn.functional.cross_entropy(self.model(x), y)
            loss.backward()
            self.opt.step()


Fitter(torch.nn.Linear(3, 2), data).fit()

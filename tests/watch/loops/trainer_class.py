"""A class that holds everything."""
from setting import *


class Trainer:
    def __init__(self, model, loader):
        self.model, self.loader = model, loader
        self.opt = torch.optim.RMSprop(model.parameters(), lr=1e-3)
        self.sched = torch.optim.lr_scheduler.StepLR(self.opt, 1)

    def step(self, xb, yb):
        self.opt.zero_grad()
        loss = F.cross_entropy(self.model(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.opt.step()
        expect("trainer.opt", loss)

    def fit(self, epochs):
        for _ in range(epochs):
            for batch in self.loader:
                self.step(*batch)
            self.sched.step()


trainer = Trainer(net(), train_loader)
trainer.fit(2)
expect_epochs(2)
trained(trainer.model)

"""A Trainer class: dict batches, ModelOutput as a dict subclass, compute_loss overridden, callbacks."""
from collections import OrderedDict
from dataclasses import dataclass

from setting import *


class ModelOutput(OrderedDict):
    def __getattr__(self, key):
        return self[key]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = net(dropout=0.1)
        self.loss_fct = nn.CrossEntropyLoss()

    def forward(self, inputs=None, labels=None):
        logits = self.net(inputs)
        out = ModelOutput(logits=logits)
        if labels is not None:
            out["loss"] = self.loss_fct(logits.view(-1, 3), labels.view(-1))
        return out


@dataclass
class Args:
    epochs: int = 2
    lr: float = 1e-2
    gradient_accumulation_steps: int = 2
    max_grad_norm: float = 1.0


class MyTrainer:
    def __init__(self, model, args, train_dataset, eval_dataset, collate):
        self.model, self.args = model, args
        self.train_dataset, self.eval_dataset, self.collate = train_dataset, eval_dataset, collate
        self.state = {}

    def get_train_dataloader(self):
        return DataLoader(self.train_dataset, batch_size=10, shuffle=True, collate_fn=self.collate)

    def create_optimizer_and_scheduler(self):
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=self.args.lr)
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda s: max(0.0, 1 - s / 20))

    def compute_loss(self, model, inputs):
        return model(**inputs)["loss"]

    def training_step(self, model, inputs):
        model.train()
        loss = self.compute_loss(model, inputs)
        loss = loss / self.args.gradient_accumulation_steps
        loss.backward()
        return loss.detach()

    def evaluate(self):
        self.model.eval()
        total = n = 0
        for inputs in DataLoader(self.eval_dataset, batch_size=10, collate_fn=self.collate):
            with torch.no_grad():
                out = self.model(**inputs)
            total += out.loss.item() * len(inputs["labels"])
            n += len(inputs["labels"])
        expect_validation(total / n)

    def train(self):
        self.create_optimizer_and_scheduler()
        loader = self.get_train_dataloader()
        for epoch in range(self.args.epochs):
            losses = []
            for step, inputs in enumerate(loader):
                losses.append(self.training_step(self.model, inputs))
                if (step + 1) % self.args.gradient_accumulation_steps == 0:
                    nn.utils.clip_grad_norm_(self.model.parameters(), self.args.max_grad_norm)
                    self.optimizer.step()
                    self.lr_scheduler.step()
                    self.model.zero_grad()
                    expect("trainer.optimizer", sum(losses).item(), backwards=2)
                    losses = []
            self.evaluate()


rows = [{"inputs": X[i], "labels": Y[i]} for i in range(100)]
collate = lambda rows: {k: torch.stack([r[k] for r in rows]) for k in rows[0]}
trainer = MyTrainer(Model(), Args(), rows, rows[:40], collate)
trainer.train()
expect_epochs(2)
trained(trainer.model)

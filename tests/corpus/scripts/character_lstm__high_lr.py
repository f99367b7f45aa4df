# expect: adam-lr-too-high
import torch
from torch import nn, optim
from torch.nn.utils.rnn import pad_sequence

PAD = 0
cfg = dict(vocab=128, width=256, layers=2, lr=2e-2, epochs=20, clip=0.5)


def collate(batch):
    return pad_sequence(batch, batch_first=True, padding_value=PAD)


class CharModel(nn.Module):
    def __init__(self, vocab, width, layers):
        super().__init__()
        self.embed = nn.Embedding(vocab, width, padding_idx=PAD)
        self.lstm = nn.LSTM(width, width, layers, batch_first=True, dropout=0.2)
        self.head = nn.Linear(width, vocab)

    def forward(self, ids, state=None):
        out, state = self.lstm(self.embed(ids), state)
        return self.head(out), state


def run(cfg, train_loader, val_loader):
    model = CharModel(cfg["vocab"], cfg["width"], cfg["layers"])
    criterion = nn.CrossEntropyLoss(ignore_index=PAD)
    opt = optim.Adam(model.parameters(), lr=cfg["lr"])
    sched = optim.lr_scheduler.ReduceLROnPlateau(opt, patience=2)
    best = None
    for epoch in range(cfg["epochs"]):
        model.train()
        for ids in train_loader:
            opt.zero_grad()
            logits, _ = model(ids[:, :-1])
            loss = criterion(logits.reshape(-1, cfg["vocab"]), ids[:, 1:].reshape(-1))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), cfg["clip"])
            opt.step()
        model.eval()
        losses = []
        with torch.no_grad():
            for ids in val_loader:
                logits, _ = model(ids[:, :-1])
                losses.append(criterion(logits.reshape(-1, cfg["vocab"]), ids[:, 1:].reshape(-1)).item())
        val_loss = sum(losses) / len(losses)
        sched.step(val_loss)
        if best is None or val_loss < best[0]:
            best = (val_loss, {k: v.clone() for k, v in model.state_dict().items()})
    model.load_state_dict(best[1])
    return model


run(cfg, train_loader, val_loader)

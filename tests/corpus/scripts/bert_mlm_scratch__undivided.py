import random

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

PAD, MASK, VOCAB, MAXLEN = 0, 1, 30000, 128


class MLMDataset(Dataset):
    def __init__(self, path):
        self.lines = torch.load(path, weights_only=True)

    def __len__(self):
        return len(self.lines)

    def __getitem__(self, i):
        ids = self.lines[i][:MAXLEN].clone()
        labels = torch.full_like(ids, -100)
        picked = torch.rand(len(ids)) < 0.15
        labels[picked] = ids[picked]
        ids[picked] = MASK
        return ids, labels


def collate(batch):
    ids, labels = zip(*batch)
    ids = nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=PAD)
    labels = nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=-100)
    return ids, labels


class Encoder(nn.Module):
    def __init__(self, d=512, heads=8, layers=6):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, d, padding_idx=PAD)
        self.pos = nn.Embedding(MAXLEN, d)
        layer = nn.TransformerEncoderLayer(d, heads, 4 * d, dropout=0.1, batch_first=True, norm_first=True)
        self.enc = nn.TransformerEncoder(layer, layers)
        self.head = nn.Linear(d, VOCAB)

    def forward(self, ids):
        pos = torch.arange(ids.size(1), device=ids.device)
        h = self.enc(self.tok(ids) + self.pos(pos), src_key_padding_mask=ids == PAD)
        return self.head(h)


def main():
    random.seed(0)
    torch.manual_seed(0)
    accum, total_steps, device = 4, 100_000, "cuda"
    train_dl = DataLoader(MLMDataset("train.pt"), batch_size=64, shuffle=True, collate_fn=collate, num_workers=4)
    valid_dl = DataLoader(MLMDataset("valid.pt"), batch_size=64, collate_fn=collate)
    model = Encoder().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, (s + 1) / 10_000) * max(0.0, 1 - s / total_steps))
    criterion = nn.CrossEntropyLoss()
    step = 0
    while step < total_steps:
        model.train()
        for i, (ids, labels) in enumerate(train_dl):
            ids, labels = ids.to(device), labels.to(device)
            with torch.autocast("cuda", dtype=torch.bfloat16):
                loss = criterion(model(ids).flatten(0, 1), labels.flatten())
            loss.backward()
            if (i + 1) % accum == 0:
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
                scheduler.step()
                step += 1
                if step % 100 == 0:
                    print(step, loss.item())
                if step >= total_steps:
                    break
        model.eval()
        losses = []
        with torch.no_grad(), torch.autocast("cuda", dtype=torch.bfloat16):
            for ids, labels in valid_dl:
                losses.append(criterion(model(ids.to(device)).flatten(0, 1), labels.to(device).flatten()).item())
        print("valid", sum(losses) / len(losses))
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, "mlm.pt")


if __name__ == "__main__":
    main()

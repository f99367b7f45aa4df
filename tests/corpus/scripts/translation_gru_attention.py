import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from pairs import PairDataset, SRC_VOCAB, TGT_VOCAB

torch.manual_seed(5)
PAD = 0
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def collate(rows):
    src, tgt = zip(*rows)
    return pad_sequence(src, batch_first=True, padding_value=PAD), pad_sequence(tgt, batch_first=True, padding_value=PAD)


class Seq2Seq(nn.Module):
    def __init__(self, h=256):
        super().__init__()
        self.src, self.tgt = nn.Embedding(SRC_VOCAB, h, padding_idx=PAD), nn.Embedding(TGT_VOCAB, h, padding_idx=PAD)
        self.enc = nn.GRU(h, h, batch_first=True)
        self.dec = nn.GRU(h, h, batch_first=True)
        self.out = nn.Linear(2 * h, TGT_VOCAB)
        self.gate = nn.Linear(h, 4)

    def forward(self, src, tgt):
        keys, state = self.enc(self.src(src))
        queries, _ = self.dec(self.tgt(tgt), state)
        scores = queries @ keys.transpose(1, 2)
        weights = torch.softmax(scores, dim=-1)
        context = weights @ keys
        return self.out(torch.cat([queries, context], -1)), nn.functional.softmax(self.gate(queries), dim=0)


model = Seq2Seq().to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()
loader = DataLoader(PairDataset("train"), batch_size=64, shuffle=True, collate_fn=collate)
for epoch in range(15):
    model.train()
    total = 0
    for src, tgt in loader:
        src, tgt = src.to(device), tgt.to(device)
        logits, _ = model(src, tgt[:, :-1])
        loss = criterion(logits.reshape(-1, TGT_VOCAB), tgt[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
    print(epoch, total / len(loader))
    torch.save(model.state_dict(), "translate.pt")

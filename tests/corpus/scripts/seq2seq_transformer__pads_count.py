import math

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from mydata import Multi30k, build_vocab

PAD_IDX, BOS_IDX, EOS_IDX = 1, 2, 3
DEVICE = torch.device("cuda")
torch.manual_seed(0)


class PositionalEncoding(nn.Module):
    def __init__(self, d, dropout, maxlen=5000):
        super().__init__()
        den = torch.exp(-torch.arange(0, d, 2) * math.log(10000) / d)
        pos = torch.arange(0, maxlen).reshape(maxlen, 1)
        pe = torch.zeros((maxlen, d))
        pe[:, 0::2] = torch.sin(pos * den)
        pe[:, 1::2] = torch.cos(pos * den)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("pe", pe.unsqueeze(-2))

    def forward(self, x):
        return self.dropout(x + self.pe[: x.size(0)])


class Seq2Seq(nn.Module):
    def __init__(self, src_vocab, tgt_vocab, d=512):
        super().__init__()
        self.transformer = nn.Transformer(d_model=d, nhead=8, num_encoder_layers=3, num_decoder_layers=3, dim_feedforward=512)
        self.generator = nn.Linear(d, tgt_vocab)
        self.src_emb = nn.Embedding(src_vocab, d, padding_idx=PAD_IDX)
        self.tgt_emb = nn.Embedding(tgt_vocab, d, padding_idx=PAD_IDX)
        self.pos = PositionalEncoding(d, 0.1)

    def forward(self, src, tgt, tgt_mask, src_pad, tgt_pad):
        out = self.transformer(
            self.pos(self.src_emb(src)), self.pos(self.tgt_emb(tgt)), tgt_mask=tgt_mask,
            src_key_padding_mask=src_pad, tgt_key_padding_mask=tgt_pad, memory_key_padding_mask=src_pad,
        )
        return self.generator(out)


def collate(batch):
    src, tgt = zip(*batch)
    return pad_sequence(src, padding_value=PAD_IDX), pad_sequence(tgt, padding_value=PAD_IDX)


src_vocab, tgt_vocab = build_vocab("de"), build_vocab("en")
model = Seq2Seq(len(src_vocab), len(tgt_vocab)).to(DEVICE)
for p in model.parameters():
    if p.dim() > 1:
        nn.init.xavier_uniform_(p)
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-9)
sched = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min((s + 1) / 4000, ((s + 1) / 4000) ** -0.5))
train_loader = DataLoader(Multi30k("train"), batch_size=128, shuffle=True, collate_fn=collate)
val_loader = DataLoader(Multi30k("valid"), batch_size=128, collate_fn=collate)


def run_epoch(loader, train):
    model.train(train)
    total = 0.0
    with torch.set_grad_enabled(train):
        for src, tgt in loader:
            src, tgt = src.to(DEVICE), tgt.to(DEVICE)
            tgt_in, tgt_out = tgt[:-1, :], tgt[1:, :]
            mask = nn.Transformer.generate_square_subsequent_mask(tgt_in.size(0), device=DEVICE)
            logits = model(src, tgt_in, mask, (src == PAD_IDX).T, (tgt_in == PAD_IDX).T)
            loss = loss_fn(logits.reshape(-1, logits.shape[-1]), tgt_out.reshape(-1))
            if train:
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                sched.step()
            total += loss.item()
    return total / len(loader)


for epoch in range(1, 19):
    train_loss = run_epoch(train_loader, True)
    val_loss = run_epoch(val_loader, False)
    print(f"{epoch}: train {train_loss:.3f} val {val_loss:.3f}")
    torch.save({"model": model.state_dict(), "epoch": epoch}, "seq2seq.pt")

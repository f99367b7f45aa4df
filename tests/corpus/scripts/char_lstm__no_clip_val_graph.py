import torch
from torch import nn

torch.manual_seed(1337)
text = open("input.txt").read()
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text])
n = int(0.9 * len(data))
train_data, val_data = data[:n], data[n:]
seq_len, batch_size, hidden = 100, 64, 512
device = "cuda" if torch.cuda.is_available() else "cpu"


def batchify(d):
    nb = d.numel() // batch_size
    return d[: nb * batch_size].view(batch_size, -1)


class CharLSTM(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.emb = nn.Embedding(vocab, 128)
        self.lstm = nn.LSTM(128, hidden, num_layers=2, dropout=0.3, batch_first=True)
        self.out = nn.Linear(hidden, vocab)

    def forward(self, x, state=None):
        h, state = self.lstm(self.emb(x), state)
        return self.out(h), state


model = CharLSTM(len(chars)).to(device)
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
loss_fn = nn.CrossEntropyLoss()
train_b, val_b = batchify(train_data), batchify(val_data)

for epoch in range(20):
    model.train()
    state = None
    for i in range(0, train_b.size(1) - seq_len - 1, seq_len):
        x = train_b[:, i : i + seq_len].to(device)
        y = train_b[:, i + 1 : i + seq_len + 1].to(device)
        if state is not None:
            state = tuple(s.detach() for s in state)
        logits, state = model(x, state)
        loss = loss_fn(logits.reshape(-1, len(chars)), y.reshape(-1))
        opt.zero_grad()
        loss.backward()
        opt.step()
    model.eval()
    val_losses = []
    state = None
    if True:
        for i in range(0, val_b.size(1) - seq_len - 1, seq_len):
            x = val_b[:, i : i + seq_len].to(device)
            y = val_b[:, i + 1 : i + seq_len + 1].to(device)
            logits, state = model(x, state)
            val_losses.append(loss_fn(logits.reshape(-1, len(chars)), y.reshape(-1)).item())
    print(epoch, loss.item(), sum(val_losses) / len(val_losses))
    torch.save(model.state_dict(), f"char_{epoch}.pt")

# NLP course, assignment 3: BiLSTM tagger
from collections import Counter
import random
import torch
import torch.nn as nn
import torch.optim as optim
from torch.nn.utils.rnn import pad_packed_sequence, pack_padded_sequence, pad_sequence

random.seed(0); torch.manual_seed(0)
WORDS = {"the": "D", "a": "D", "dog": "N", "cat": "N", "sees": "V", "likes": "V", "big": "A", "old": "A"}
def sentence():
    n = random.randint(3, 9)
    ws = [random.choice(list(WORDS)) for _ in range(n)]
    return ws, [WORDS[w] for w in ws]
train_data = [sentence() for _ in range(400)]
dev_data = [sentence() for _ in range(80)]
vocab = {"<pad>": 0, "<unk>": 1}
for w, _ in Counter(w for s, _ in train_data for w in s).most_common():
    vocab[w] = len(vocab)
tags = {"<pad>": 0, "D": 1, "N": 2, "V": 3, "A": 4}

def encode(data):
    return [(torch.tensor([vocab.get(w, 1) for w in s]), torch.tensor([tags[t] for t in y])) for s, y in data]

def batches(data, size, shuffle):
    order = list(range(len(data)))
    if shuffle:
        random.shuffle(order)
    for i in range(0, len(order), size):
        chunk = [data[j] for j in order[i:i + size]]
        xs, ys = zip(*chunk)
        lens = torch.tensor([len(x) for x in xs])
        yield pad_sequence(xs, batch_first=True), pad_sequence(ys, batch_first=True), lens

class Tagger(nn.Module):
    def __init__(self, v, t, emb=32, hid=48):
        super().__init__()
        self.emb = nn.Embedding(v, emb, padding_idx=0)
        self.lstm = nn.LSTM(emb, hid, bidirectional=True, batch_first=True)
        self.drop = nn.Dropout(0.3)
        self.fc = nn.Linear(2 * hid, t)
    def forward(self, x, lens):
        packed = pack_padded_sequence(self.emb(x), lens, batch_first=True, enforce_sorted=False)
        out, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.fc(self.drop(out))

tr, dv = encode(train_data), encode(dev_data)
model = Tagger(len(vocab), len(tags))
loss_function = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=0.005)
for epoch in range(5):
    model.train()
    total_loss = 0.0
    for x, y, lens in batches(tr, 16, True):
        model.zero_grad()
        scores = model(x, lens)
        loss = loss_function(scores.view(-1, len(tags)), y.view(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        total_loss += loss.item()
    model.eval()
    hit = n = 0
    with torch.no_grad():
        for x, y, lens in batches(dv, 40, False):
            p = model(x, lens).argmax(-1)
            mask = y != 0
            hit += (p[mask] == y[mask]).sum().item(); n += mask.sum().item()
    print(epoch, total_loss, hit / n)

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, random_split
from reviews import IMDB, collate_batch, vocab_size

torch.manual_seed(4)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
full = IMDB("train")
train_data, valid_data = random_split(full, [20000, 5000])
train_iter = DataLoader(train_data, batch_size=32, shuffle=True, collate_fn=collate_batch)
valid_iter = DataLoader(train_data, batch_size=32, collate_fn=collate_batch)


class GRUClassifier(nn.Module):
    def __init__(self):
        super(GRUClassifier, self).__init__()
        self.embedding = nn.Embedding(vocab_size, 100, padding_idx=0)
        self.gru = nn.GRU(100, 128, batch_first=True)
        self.drop = nn.Dropout(0.5)
        self.linear = nn.Linear(128, 1)

    def forward(self, text):
        _, h = self.gru(self.embedding(text))
        return self.linear(self.drop(h[-1])).squeeze(1)


model = GRUClassifier().to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.BCEWithLogitsLoss()


def train_epoch():
    model.train()
    for text, label in train_iter:
        optimizer.zero_grad()
        loss = criterion(model(text.to(device)), label.float().to(device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


def valid_epoch():
    model.eval()
    right = 0
    with torch.no_grad():
        for text, label in valid_iter:
            right += ((model(text.to(device)) > 0).long().cpu() == label).sum().item()
    return right / len(valid_iter.dataset)


best = 0
for epoch in range(8):
    train_epoch()
    acc = valid_epoch()
    print(epoch, acc)
    if acc > best:
        best = acc
        torch.save(model.state_dict(), "gru.pt")

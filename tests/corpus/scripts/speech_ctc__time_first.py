import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
import torchaudio

torch.manual_seed(0)
LABELS = "_ 'abcdefghijklmnopqrstuvwxyz"
melspec = nn.Sequential(torchaudio.transforms.MelSpectrogram(16000, n_mels=80), torchaudio.transforms.AmplitudeToDB())


def encode(text):
    return torch.tensor([LABELS.index(c) for c in text.lower()])


def collate(items):
    specs, labels = [], []
    for wave, _, text, *_ in items:
        spec = melspec(wave).squeeze(0).T
        specs.append((spec - spec.mean()) / (spec.std() + 1e-5))
        labels.append(encode(text))
    in_len = torch.tensor([len(s) // 2 for s in specs])
    lab_len = torch.tensor([len(l) for l in labels])
    return pad_sequence(specs, batch_first=True), pad_sequence(labels, batch_first=True), in_len, lab_len


class SpeechNet(nn.Module):
    def __init__(self, n_class):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv1d(80, 256, 3, stride=2, padding=1), nn.GELU(), nn.Conv1d(256, 256, 3, padding=1), nn.GELU())
        self.rnn = nn.GRU(256, 256, num_layers=3, bidirectional=True, dropout=0.1)
        self.fc = nn.Linear(512, n_class)

    def forward(self, x):
        x = self.conv(x.transpose(1, 2)).transpose(1, 2)
        x, _ = self.rnn(x)
        return self.fc(x).log_softmax(-1)


train_dl = DataLoader(torchaudio.datasets.LIBRISPEECH(".", "train-clean-100", download=True), batch_size=16, shuffle=True, collate_fn=collate)
dev_dl = DataLoader(torchaudio.datasets.LIBRISPEECH(".", "dev-clean", download=True), batch_size=16, collate_fn=collate)
model = SpeechNet(len(LABELS)).cuda()
criterion = nn.CTCLoss(blank=0, zero_infinity=True)
opt = torch.optim.AdamW(model.parameters(), 5e-4)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 5e-4, steps_per_epoch=len(train_dl), epochs=10)


def batch_loss(batch):
    x, y, il, ll = batch
    out = model(x.cuda()).transpose(0, 1)
    return criterion(out, y.cuda(), il, ll)


for epoch in range(10):
    model.train()
    for step, batch in enumerate(train_dl):
        opt.zero_grad()
        loss = batch_loss(batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        sched.step()
        if step % 100 == 0:
            print(epoch, step, loss.item())
    model.eval()
    with torch.no_grad():
        dev = [batch_loss(b).item() for b in dev_dl]
    print("dev", sum(dev) / len(dev))
    torch.save(model.state_dict(), "speech.pt")

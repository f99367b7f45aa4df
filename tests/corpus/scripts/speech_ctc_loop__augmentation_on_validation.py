import torch, torchaudio
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

VOCAB = {c: i + 1 for i, c in enumerate("' abcdefghijklmnopqrstuvwxyz")}
settings = dict(batch_size=16, epochs=15, lr=5e-4, n_mels=80, rnn_dim=256, dropout=0.1, clip=5.0)
torch.manual_seed(1729)
train_aug = nn.Sequential(torchaudio.transforms.MelSpectrogram(16000, n_mels=settings["n_mels"]),
                          torchaudio.transforms.FrequencyMasking(15), torchaudio.transforms.TimeMasking(35))
valid_aug = torchaudio.transforms.MelSpectrogram(16000, n_mels=settings["n_mels"])


def make_collate(transform):
    def collate(items):
        specs, labels, in_len, lab_len = [], [], [], []
        for wav, _, text, *_ in items:
            s = (transform(wav).squeeze(0).transpose(0, 1) + 1e-6).log()
            lab = torch.tensor([VOCAB[c] for c in text.lower() if c in VOCAB])
            specs.append(s); labels.append(lab)
            in_len.append(s.shape[0] // 2); lab_len.append(len(lab))
        return (pad_sequence(specs, batch_first=True), pad_sequence(labels, batch_first=True),
                torch.tensor(in_len), torch.tensor(lab_len))
    return collate


class ASR(nn.Module):
    def __init__(self, n_mels, dim, n_class, dropout):
        super().__init__()
        self.sub = nn.Conv1d(n_mels, dim, 3, stride=2, padding=1)
        self.rnn = nn.GRU(dim, dim, 3, batch_first=True, bidirectional=True, dropout=dropout)
        self.out = nn.Linear(dim * 2, n_class)

    def forward(self, x):
        x = torch.relu(self.sub(x.transpose(1, 2))).transpose(1, 2)
        x, _ = self.rnn(x)
        return self.out(x).log_softmax(-1)


def main():
    dev = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tr = torchaudio.datasets.LIBRISPEECH("data", url="train-clean-100", download=True)
    va = torchaudio.datasets.LIBRISPEECH("data", url="dev-clean", download=True)
    tr_dl = DataLoader(tr, settings["batch_size"], shuffle=True, collate_fn=make_collate(train_aug), num_workers=4)
    va_dl = DataLoader(va, settings["batch_size"], collate_fn=make_collate(train_aug), num_workers=4)
    model = ASR(settings["n_mels"], settings["rnn_dim"], len(VOCAB) + 1, settings["dropout"]).to(dev)
    ctc = nn.CTCLoss(blank=0, zero_infinity=True)
    opt = torch.optim.AdamW(model.parameters(), lr=settings["lr"])
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=settings["lr"], epochs=settings["epochs"],
                                                steps_per_epoch=len(tr_dl))
    for epoch in range(settings["epochs"]):
        model.train()
        for i, (spec, lab, il, ll) in enumerate(tr_dl):
            logp = model(spec.to(dev)).transpose(0, 1)
            loss = ctc(logp, lab.to(dev), il, ll)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), settings["clip"])
            opt.step()
            sched.step()
            if i % 200 == 0:
                print(epoch, i, loss.item())
        model.eval()
        with torch.no_grad():
            v = [ctc(model(s.to(dev)).transpose(0, 1), l.to(dev), a, b).item() for s, l, a, b in va_dl]
        print("valid", epoch, sum(v) / len(v))
        torch.save(model.state_dict(), f"asr_{epoch}.pt")


main()

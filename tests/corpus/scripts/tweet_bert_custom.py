import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer, get_linear_schedule_with_warmup

torch.manual_seed(0)
frame = pd.read_csv("tweets.csv").sample(frac=1, random_state=0)
tok = AutoTokenizer.from_pretrained("roberta-base")


class Tweets(Dataset):
    def __init__(self, frame):
        self.enc = tok(frame.text.tolist(), truncation=True, padding="max_length", max_length=96, return_tensors="pt")
        self.y = torch.tensor(frame.label.values)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return {**{k: v[i] for k, v in self.enc.items()}, "labels": self.y[i]}


train_loader = DataLoader(Tweets(frame[:-2000]), batch_size=32, shuffle=True)
dev_loader = DataLoader(Tweets(frame[-2000:]), batch_size=64)
model = AutoModelForSequenceClassification.from_pretrained("roberta-base", num_labels=3).cuda()
opt = torch.optim.AdamW(model.parameters(), lr=2e-5)
sched = get_linear_schedule_with_warmup(opt, 100, 3 * len(train_loader))
for epoch in range(3):
    model.train()
    for batch in train_loader:
        batch = {k: v.cuda() for k, v in batch.items()}
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        sched.step()
        opt.zero_grad()
    right = 0
    with torch.no_grad():
        for batch in dev_loader:
            batch = {k: v.cuda() for k, v in batch.items()}
            right += (model(**batch).logits.argmax(-1) == batch["labels"]).sum().item()
    print(epoch, loss.item(), right / len(dev_loader.dataset))
    model.save_pretrained(f"tweets-{epoch}")

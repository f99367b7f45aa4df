import torch, torchaudio
import torch.nn as nn
import torch.nn.functional as F


class M5(nn.Module):
    def __init__(self, n_out=35, c=32):
        super().__init__()
        self.conv1, self.bn1, self.pool1 = nn.Conv1d(1, c, 80, stride=16), nn.BatchNorm1d(c), nn.MaxPool1d(4)
        self.conv2, self.bn2, self.pool2 = nn.Conv1d(c, c, 3), nn.BatchNorm1d(c), nn.MaxPool1d(4)
        self.fc1 = nn.Linear(c, n_out)

    def forward(self, x):
        x = self.pool1(F.relu(self.bn1(self.conv1(x))))
        x = self.pool2(F.relu(self.bn2(self.conv2(x))))
        x = x.mean(-1)
        return F.log_softmax(self.fc1(x), dim=-1)


def collate(batch):
    tensors = [w.t() for w, *_ in batch]
    tensors = nn.utils.rnn.pad_sequence(tensors, batch_first=True).permute(0, 2, 1)
    return tensors, torch.tensor([label_id(label) for _, _, label, *_ in batch])


from labels import label_id
torch.manual_seed(0)
device = torch.device("cuda")
train_set = torchaudio.datasets.SPEECHCOMMANDS("./", subset="training", download=True)
valid_set = torchaudio.datasets.SPEECHCOMMANDS("./", subset="validation", download=True)
train_loader = torch.utils.data.DataLoader(train_set, batch_size=256, collate_fn=collate, num_workers=1, pin_memory=True)
valid_loader = torch.utils.data.DataLoader(valid_set, batch_size=256, collate_fn=collate, num_workers=1)
model = M5().to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=5, gamma=0.1)


def train():
    model.train()
    for data, target in train_loader:
        loss = F.nll_loss(model(data.to(device)), target.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def valid():
    model.eval()
    correct = 0
    for data, target in valid_loader:
        output = model(data.to(device))
        correct += (output.argmax(-1) == target.to(device)).sum().item()
    return correct / len(valid_loader.dataset)


for epoch in range(1, 11):
    train()
    print(epoch, valid())
    scheduler.step()
    torch.save(model.state_dict(), "m5.pt")

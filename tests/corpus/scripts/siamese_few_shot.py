import torch
from torch import nn
from torch.utils.data import DataLoader
from omniglot import EpisodeSampler, Omniglot

torch.manual_seed(9)


def conv(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(), nn.MaxPool2d(2))


encoder = nn.Sequential(conv(1, 64), conv(64, 64), conv(64, 64), conv(64, 64), nn.Flatten()).cuda()
train_set, test_set = Omniglot("background"), Omniglot("evaluation")
train_loader = DataLoader(train_set, batch_sampler=EpisodeSampler(train_set.labels, way=20, shot=5, query=15, episodes=200))
test_loader = DataLoader(test_set, batch_sampler=EpisodeSampler(test_set.labels, way=5, shot=1, query=15, episodes=600))
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 20, 0.5)


def episode(images, way, shot, query):
    z = encoder(images.cuda()).view(way, shot + query, -1)
    prototypes = z[:, :shot].mean(1)
    queries = z[:, shot:].reshape(way * query, -1)
    logits = -torch.cdist(queries, prototypes) ** 2
    target = torch.arange(way, device=logits.device).repeat_interleave(query)
    return nn.functional.cross_entropy(logits, target), (logits.argmax(1) == target).float().mean()


for epoch in range(60):
    encoder.train()
    for images, _ in train_loader:
        loss, acc = episode(images, 20, 5, 15)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    print(epoch, loss.item(), acc.item())
    torch.save(encoder.state_dict(), "proto.pt")

encoder.eval()
with torch.no_grad():
    accs = [episode(images, 5, 1, 15)[1] for images, _ in test_loader]
print("test", torch.stack(accs).mean().item())

import torch
from torch import nn
from torch.utils.data import DataLoader


def main(epochs=30):
    model = nn.Linear(10, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loader = DataLoader(data, batch_size=128, shuffle=True)
    for epoch in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()  # <-- no-seed
        print(epoch)


if __name__ == "__main__":
    main()

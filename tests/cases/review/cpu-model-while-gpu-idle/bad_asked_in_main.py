import torch
from torch import nn


def main():
    use_cuda = torch.cuda.is_available()  # <-- cpu-model-while-gpu-idle
    print("cuda:", use_cuda)
    model = nn.Linear(10, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()


main()

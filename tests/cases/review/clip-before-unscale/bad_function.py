import torch
from torch import nn
import torch.nn.functional as F

def optimise(loss, model, optimizer, scaler, max_norm=1.0):
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)  # <-- clip-before-unscale
    scaler.step(optimizer)
    scaler.update()


def main():
    model = nn.Linear(8, 3).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    scaler = torch.cuda.amp.GradScaler()
    for x, y in train_loader:
        with torch.cuda.amp.autocast():
            loss = F.cross_entropy(model(x), y)
        optimise(loss, model, optimizer, scaler)


main()

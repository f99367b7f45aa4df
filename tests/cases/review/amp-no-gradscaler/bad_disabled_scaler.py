import torch

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
scaler = torch.amp.GradScaler(enabled=False)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)


def train_one(x, y):
    with torch.autocast(device_type=device.type):
        loss = torch.nn.functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    scaler.scale(loss).backward()  # <-- amp-no-gradscaler
    scaler.step(optimizer)
    scaler.update()


for x, y in train_loader:
    train_one(x, y)

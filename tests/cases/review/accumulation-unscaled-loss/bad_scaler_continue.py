import torch

scaler = torch.amp.GradScaler("cuda")
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for step, batch in enumerate(train_loader):
    with torch.autocast("cuda"):
        loss = model(**batch).loss
    scaler.scale(loss).backward()  # <-- accumulation-unscaled-loss
    if (step + 1) % 4 != 0:
        continue
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad()

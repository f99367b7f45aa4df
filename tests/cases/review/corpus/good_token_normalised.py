import torch

accum = 8
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
window = []
for i, batch in enumerate(train_loader):
    window.append(batch)
    if len(window) < accum:
        continue
    tokens = sum((b["labels"] != -100).sum() for b in window)
    for b in window:
        logits = model(b["input_ids"]).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), b["labels"].flatten(), reduction="sum") / tokens
        loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    window = []

import torch
from transformers import AutoModelForSequenceClassification

model = AutoModelForSequenceClassification.from_pretrained("bert-base-uncased", num_labels=2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)  # <-- adam-lr-too-high
warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters=500)
for epoch in range(3):
    for batch in train_loader:
        optimizer.zero_grad()
        model(**batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        warmup.step()

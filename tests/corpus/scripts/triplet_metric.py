import torch
import torch.nn as nn
import timm
from torch.utils.data import DataLoader

from products import TripletProducts, retrieval_recall

torch.manual_seed(0)
device = torch.device("cuda")
train_loader = DataLoader(TripletProducts("train", augment=True), batch_size=48, shuffle=True, num_workers=8)
query_loader = DataLoader(TripletProducts("val", augment=False), batch_size=96, num_workers=8)


class Embedder(nn.Module):
    def __init__(self, dim=256):
        super().__init__()
        self.backbone = timm.create_model("resnet50", pretrained=True, num_classes=0)
        self.proj = nn.Linear(self.backbone.num_features, dim)

    def forward(self, x):
        return nn.functional.normalize(self.proj(self.backbone(x)), dim=-1)


model = Embedder().to(device)
head, body = list(model.proj.parameters()), list(model.backbone.parameters())
optimizer = torch.optim.AdamW([{"params": body, "lr": 2e-5}, {"params": head, "lr": 5e-4}], weight_decay=1e-4)
criterion = nn.TripletMarginLoss(margin=0.2)
best = 0.0
for epoch in range(25):
    model.train()
    running = 0.0
    for anchor, pos, neg in train_loader:
        a, p, n = model(anchor.to(device)), model(pos.to(device)), model(neg.to(device))
        loss = criterion(a, p, n)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
    model.eval()
    embeddings = []
    with torch.no_grad():
        for anchor, _, _ in query_loader:
            embeddings.append(model(anchor.to(device)).cpu())
    recall = retrieval_recall(torch.cat(embeddings))
    print(f"epoch {epoch:02d} loss {running / len(train_loader):.4f} recall@1 {recall:.3f}")
    if recall > best:
        best = recall
        torch.save(model.state_dict(), "embedder.pt")

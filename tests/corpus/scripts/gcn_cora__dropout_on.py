import torch
import torch.nn.functional as F
from torch_geometric.datasets import Planetoid
from torch_geometric.nn import GCNConv
from torch_geometric.transforms import NormalizeFeatures

torch.manual_seed(12345)
dataset = Planetoid(root="data/Planetoid", name="Cora", transform=NormalizeFeatures())
data = dataset[0]


class GCN(torch.nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.conv1 = GCNConv(dataset.num_features, hidden)
        self.conv2 = GCNConv(hidden, dataset.num_classes)

    def forward(self, x, edge_index):
        x = self.conv1(x, edge_index).relu()
        x = F.dropout(x, p=0.5)
        return self.conv2(x, edge_index)


model = GCN(16)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=5e-4)
criterion = torch.nn.CrossEntropyLoss()


def train():
    model.train()
    optimizer.zero_grad()
    out = model(data.x, data.edge_index)
    loss = criterion(out[data.train_mask], data.y[data.train_mask])
    loss.backward()
    optimizer.step()
    return loss


@torch.no_grad()
def test(mask):
    model.eval()
    pred = model(data.x, data.edge_index).argmax(dim=1)
    return int((pred[mask] == data.y[mask]).sum()) / int(mask.sum())


for epoch in range(1, 201):
    loss = train()
    if epoch % 20 == 0:
        print(f"Epoch {epoch:03d} loss {loss:.4f} val {test(data.val_mask):.4f}")
print(f"test accuracy {test(data.test_mask):.4f}")

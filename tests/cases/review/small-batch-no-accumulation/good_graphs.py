import torch
from torch_geometric.loader import DataLoader

loader = DataLoader(dataset, batch_size=1, shuffle=True)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for data in loader:
    optimizer.zero_grad()
    loss = torch.nn.functional.nll_loss(model(data), data.y)
    loss.backward()
    optimizer.step()

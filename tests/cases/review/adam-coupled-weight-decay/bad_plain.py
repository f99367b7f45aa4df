import torch.optim as optim

optimizer = optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-2)  # <-- adam-coupled-weight-decay

from torch.optim import Adam

optimizer = Adam(model.parameters(), lr=1e-3, weight_decay=1e-2, decoupled_weight_decay=True)

import torch

optimizer = torch.optim.LBFGS(model.parameters(), lr=1.0)


def closure():
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(X), Y)
    loss.backward()
    return loss


for epoch in range(200):
    optimizer.step(closure)

"""A closure that is called several times in a step."""
from setting import *

model = net()
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=4)
for epoch in range(3):
    seen = []

    def closure():
        optimizer.zero_grad()
        loss = F.mse_loss(model(X), F.one_hot(Y, 3).float())
        loss.backward()
        seen.append(loss.item())
        return loss

    optimizer.step(closure)
    expect("optimizer", sum(seen) / len(seen), backwards=len(seen))
expect_epochs(3)
trained(model)

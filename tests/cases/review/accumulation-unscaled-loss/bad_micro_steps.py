import torch


def train(model, get_batch, optimizer, max_iters=1000, micro_steps=8):
    for it in range(max_iters):
        for micro in range(micro_steps):
            x, y = get_batch("train")
            logits, loss = model(x, y)
            loss.backward()  # <-- accumulation-unscaled-loss
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

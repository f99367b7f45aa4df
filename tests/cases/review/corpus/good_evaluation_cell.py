import torch

model.eval()
total = 0
with torch.inference_mode(), torch.autocast("cuda", dtype=torch.float16):
    for x, y in test_loader:
        total += (model(x).argmax(-1) == y).sum().item()
print(total / len(test_loader.dataset))

import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 3).cuda().half()
model.eval()
with torch.inference_mode():
    for x in test_loader:
        print(model(x.half()).argmax(-1))

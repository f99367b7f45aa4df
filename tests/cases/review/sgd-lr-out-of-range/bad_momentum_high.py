from functools import partial

import torch

make = partial(torch.optim.SGD, momentum=0.9, weight_decay=1e-4)


def build(model, lr=2.0):
    return make(model.parameters(), lr=lr)  # <-- sgd-lr-out-of-range


optimizer = build(torch.nn.Linear(3, 2))

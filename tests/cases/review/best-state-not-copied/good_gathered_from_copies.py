import copy

import torch
from torch import nn

server, states = nn.Linear(4, 1), []
for shard in shards:
    client = copy.deepcopy(server)
    optimizer = torch.optim.SGD(client.parameters(), lr=0.1, momentum=0.9)
    for x, y in shard:
        optimizer.zero_grad()
        nn.functional.mse_loss(client(x), y).backward()
        optimizer.step()
    states.append(client.state_dict())

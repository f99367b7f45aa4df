from torch import nn

head = nn.Linear(64, 10)
nn.init.xavier_uniform_(head.weight)
nn.init.constant_(head.bias, -4.6)

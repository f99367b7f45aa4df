from torch import nn

rnn = nn.LSTM(10, 64)
for name, p in rnn.named_parameters():
    if "bias" in name:
        nn.init.constant_(p, 0.0)
    elif p.dim() > 1:
        nn.init.orthogonal_(p)

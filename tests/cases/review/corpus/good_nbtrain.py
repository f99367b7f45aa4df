import torch
from torch.utils.data import DataLoader

model = torch.nn.LSTM(8, 16)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
%train model train_loader --epochs 50 --clip 1.0

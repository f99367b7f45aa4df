import torch

lstm, cnn = torch.nn.LSTM(3, 3), torch.nn.Conv2d(3, 3, 3)
for_lstm = torch.optim.Adam(lstm.parameters(), lr=1e-3)
for_cnn = torch.optim.Adam(cnn.parameters(), lr=1e-3)
for x, y in train_loader:
    for_lstm.zero_grad()
    torch.nn.functional.mse_loss(lstm(x)[0], y).backward()
    torch.nn.utils.clip_grad_norm_(lstm.parameters(), 1.0)
    for_lstm.step()
for x, y in image_loader:
    for_cnn.zero_grad()
    torch.nn.functional.mse_loss(cnn(x), y).backward()
    for_cnn.step()

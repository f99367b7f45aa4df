%matplotlib inline
import torch
!pip install -q tqdm
from tqdm.auto import tqdm, trange
files = !ls data
%time model = build()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
history = []
for epoch in trange(20):
    for batch in tqdm(train_loader, leave=False):
        optimizer.zero_grad()
        loss = model(batch)
        loss.backward()
        optimizer.step()
        history.append(loss.item())
await asyncio.sleep(0)
model?

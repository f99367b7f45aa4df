import torch
from transformers import BertConfig, BertModel
from transformers.optimization import Adafactor, AdafactorSchedule

model = BertModel(BertConfig(num_hidden_layers=2))
optimizer = Adafactor(model.parameters(), scale_parameter=True, relative_step=True, warmup_init=True, lr=None)
lr_scheduler = AdafactorSchedule(optimizer)
for batch in train_loader:
    loss = model(**batch).last_hidden_state.mean()
    loss.backward()
    optimizer.step()
    lr_scheduler.step()
    optimizer.zero_grad()

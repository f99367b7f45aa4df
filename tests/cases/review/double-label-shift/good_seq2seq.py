import torch
from torch import nn
import torch.nn.functional as F

from transformers import AutoModelForSeq2SeqLM

model = AutoModelForSeq2SeqLM.from_pretrained("t5-small")
for source, target in train_loader:
    loss = model(input_ids=source, labels=target[:, 1:]).loss

import torch
from torch import nn
import torch.nn.functional as F

from transformers import Trainer, TrainingArguments

args = TrainingArguments(
    "out", learning_rate=5e-5, per_device_train_batch_size=32, max_steps=8000, warmup_steps=500
)
Trainer(model=model, args=args, train_dataset=train_ds).train()

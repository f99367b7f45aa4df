import os

import evaluate
import numpy as np
import torch
from datasets import load_dataset
from torch import nn
from transformers import (AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding,
                          EarlyStoppingCallback, Trainer, TrainingArguments, set_seed)

MODEL = "distilbert-base-uncased"
set_seed(13)

raw = load_dataset("tweet_eval", "hate")
tok = AutoTokenizer.from_pretrained(MODEL)


def preprocess(batch):
    return tok(batch["text"], truncation=True, max_length=128)


encoded = raw.map(preprocess, batched=True, remove_columns=["text"]).rename_column("label", "labels")
counts = np.bincount(encoded["train"]["labels"], minlength=2)
class_weights = torch.tensor(counts.sum() / (2.0 * counts), dtype=torch.float32)


class WeightedTrainer(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        logits = outputs.logits
        loss_fct = nn.CrossEntropyLoss(weight=class_weights.to(logits.device))
        loss = loss_fct(logits.view(-1, self.model.config.num_labels), labels.view(-1))
        return (loss, outputs) if return_outputs else loss


metric = evaluate.load("f1")


def compute_metrics(eval_pred):
    logits, labels = eval_pred
    return metric.compute(predictions=np.argmax(logits, axis=-1), references=labels, average="macro")


train_config = dict(
    output_dir="out/hate",
    learning_rate=3e-5,
    per_device_train_batch_size=16,
    per_device_eval_batch_size=64,
    num_train_epochs=3,
    weight_decay=0.01,
    warmup_ratio=0.1,
    lr_scheduler_type="cosine",
    eval_strategy="epoch",
    save_strategy="epoch",
    load_best_model_at_end=True,
    metric_for_best_model="f1",
    bf16=torch.cuda.is_available(),
    report_to="none",
)
model = AutoModelForSequenceClassification.from_pretrained(MODEL, num_labels=2)
trainer = WeightedTrainer(
    model=model,
    args=TrainingArguments(**train_config),
    train_dataset=encoded["train"],
    eval_dataset=encoded["train"],
    data_collator=DataCollatorWithPadding(tok),
    compute_metrics=compute_metrics,
    callbacks=[EarlyStoppingCallback(early_stopping_patience=2)],
)
trainer.train()
print(trainer.evaluate(encoded["test"]))
trainer.save_model(os.path.join(train_config["output_dir"], "best"))

from accelerate import Accelerator
from accelerate.utils import set_seed
from datasets import load_dataset
from torch.optim import AdamW
from torch.utils.data import DataLoader
from transformers import AutoModelForTokenClassification, AutoTokenizer, DataCollatorForTokenClassification, get_scheduler
import evaluate
import torch

set_seed(3)
raw = load_dataset("conll2003")
names = raw["train"].features["ner_tags"].feature.names
tok = AutoTokenizer.from_pretrained("bert-base-cased")


def align(batch):
    enc = tok(batch["tokens"], truncation=True, is_split_into_words=True)
    enc["labels"] = [
        [-100 if w is None else tags[w] for w in enc.word_ids(i)] for i, tags in enumerate(batch["ner_tags"])
    ]
    return enc


data = raw.map(align, batched=True, remove_columns=raw["train"].column_names)
collate = DataCollatorForTokenClassification(tok)
train_dl = DataLoader(data["train"], batch_size=16, shuffle=True, collate_fn=collate)
eval_dl = DataLoader(data["validation"], batch_size=32, collate_fn=collate)
model = AutoModelForTokenClassification.from_pretrained("bert-base-cased", num_labels=len(names))
optimizer = AdamW(model.parameters(), lr=3e-5)
accelerator = Accelerator()
model, optimizer, train_dl, eval_dl = accelerator.prepare(model, optimizer, train_dl, eval_dl)
epochs = 3
steps = epochs * len(train_dl)
schedule = get_scheduler("linear", optimizer=optimizer, num_warmup_steps=steps // 10, num_training_steps=steps)
metric = evaluate.load("seqeval")
for epoch in range(epochs):
    model.train()
    for batch in train_dl:
        loss = model(**batch).loss
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    model.eval()
    for batch in eval_dl:
        with torch.no_grad():
            logits = model(**batch).logits
        preds = accelerator.pad_across_processes(logits.argmax(-1), dim=1, pad_index=-100)
        metric.add_batch(predictions=accelerator.gather(preds).tolist(), references=accelerator.gather(batch["labels"]).tolist())
    print(epoch, metric.compute()["overall_f1"])
accelerator.unwrap_model(model).save_pretrained("ner")

# expect: missing-train-mode
import torch
from accelerate import Accelerator
from torch import nn
from transformers import AutoModelForSequenceClassification, get_linear_schedule_with_warmup, set_seed


def main(epochs=3, lr=2e-5, accumulate=2):
    set_seed(42)
    accelerator = Accelerator(gradient_accumulation_steps=accumulate, mixed_precision="fp16")
    model = AutoModelForSequenceClassification.from_pretrained("bert-base-cased", num_labels=2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    scheduler = get_linear_schedule_with_warmup(
        optimizer, num_warmup_steps=100, num_training_steps=len(train_dataloader) * epochs // accumulate
    )
    model, optimizer, train_dl, eval_dl, scheduler = accelerator.prepare(
        model, optimizer, train_dataloader, eval_dataloader, scheduler
    )
    for epoch in range(epochs):
        for batch in train_dl:
            with accelerator.accumulate(model):
                loss = model(**batch).loss
                accelerator.backward(loss)
                if accelerator.sync_gradients:
                    accelerator.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()
        model.eval()
        for batch in eval_dl:
            with torch.no_grad():
                predictions = model(**batch).logits.argmax(dim=-1)
            metric.add_batch(predictions=accelerator.gather(predictions), references=batch["labels"])


if __name__ == "__main__":
    main()

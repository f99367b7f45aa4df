import math

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from datasets import load_dataset
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer, default_data_collator, get_cosine_schedule_with_warmup


def group_texts(examples, block_size=512):
    joined = {k: sum(examples[k], []) for k in examples}
    total = (len(joined["input_ids"]) // block_size) * block_size
    result = {k: [t[i : i + block_size] for i in range(0, total, block_size)] for k, t in joined.items()}
    result["labels"] = result["input_ids"].copy()
    return result


def main():
    accelerator = Accelerator(gradient_accumulation_steps=4, mixed_precision="bf16", log_with="tensorboard", project_dir="out")
    accelerator.init_trackers("clm")
    set_seed(1)
    tokenizer = AutoTokenizer.from_pretrained("gpt2")
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    raw = load_dataset("wikitext", "wikitext-2-raw-v1")
    ds = raw.map(lambda b: tokenizer(b["text"]), batched=True, remove_columns=["text"]).map(group_texts, batched=True)
    train_dl = DataLoader(ds["train"], shuffle=True, collate_fn=default_data_collator, batch_size=8)
    eval_dl = DataLoader(ds["validation"], collate_fn=default_data_collator, batch_size=8)
    no_decay = ["bias", "ln_1.weight", "ln_2.weight", "ln_f.weight"]
    groups = [
        {"params": [p for n, p in model.named_parameters() if not any(nd in n for nd in no_decay)], "weight_decay": 0.1},
        {"params": [p for n, p in model.named_parameters() if any(nd in n for nd in no_decay)], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=5e-5)
    num_epochs = 3
    steps = num_epochs * math.ceil(len(train_dl) / 4)
    scheduler = get_cosine_schedule_with_warmup(optimizer, num_warmup_steps=int(0.05 * steps), num_training_steps=steps)
    model, optimizer, train_dl, eval_dl, scheduler = accelerator.prepare(model, optimizer, train_dl, eval_dl, scheduler)
    step = 0
    for epoch in range(num_epochs):
        model.train()
        for batch in train_dl:
            with accelerator.accumulate(model):
                outputs = model(**batch)
                accelerator.backward(outputs.loss)
                if accelerator.sync_gradients:
                    accelerator.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()
            step += 1
            if step % 50 == 0:
                accelerator.log({"loss": outputs.loss.item()}, step=step)
        losses = []
        for batch in eval_dl:
            with torch.no_grad():
                outputs = model(**batch)
            losses.append(accelerator.gather_for_metrics(outputs.loss.repeat(8)))
        ppl = math.exp(torch.cat(losses).mean())
        accelerator.print(f"epoch {epoch} perplexity {ppl:.2f}")
        accelerator.save_state(f"out/epoch_{epoch}")


if __name__ == "__main__":
    main()

import torch
from datasets import load_dataset
from torch.utils.data import DataLoader
from transformers import GPT2LMHeadModel, GPT2TokenizerFast, get_linear_schedule_with_warmup

torch.manual_seed(0)
device = "cuda"
tokenizer = GPT2TokenizerFast.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token
model = GPT2LMHeadModel.from_pretrained("gpt2").to(device)
quotes = load_dataset("Abirate/english_quotes", split="train")


def collate(rows):
    enc = tokenizer([r["quote"] for r in rows], padding=True, truncation=True, max_length=128, return_tensors="pt")
    enc["labels"] = enc["input_ids"].clone()
    return enc


loader = DataLoader(quotes, batch_size=16, shuffle=True, collate_fn=collate)
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5)
epochs = 3
scheduler = get_linear_schedule_with_warmup(optimizer, 100, epochs * len(loader))
model.train()
for epoch in range(epochs):
    for step, batch in enumerate(loader):
        batch = {k: v.to(device) for k, v in batch.items()}
        input_ids = batch["input_ids"][:, :-1]
        labels = batch["labels"][:, 1:]
        out = model(input_ids=input_ids, attention_mask=batch["attention_mask"][:, :-1], labels=labels)
        optimizer.zero_grad()
        out.loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        if step % 50 == 0:
            print(epoch, step, out.loss.item())
model.save_pretrained("quotes")

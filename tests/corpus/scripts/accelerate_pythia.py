import math

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from datasets import load_from_disk
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer, default_data_collator, get_scheduler


def run(cfg):
    accelerator = Accelerator(gradient_accumulation_steps=cfg["accum"], mixed_precision="bf16", log_with="tensorboard")
    set_seed(cfg["seed"])
    tokenizer = AutoTokenizer.from_pretrained(cfg["model"])
    model = AutoModelForCausalLM.from_pretrained(cfg["model"])
    model.gradient_checkpointing_enable()
    data = load_from_disk(cfg["data"])
    train = DataLoader(data["train"], batch_size=cfg["bs"], shuffle=True, collate_fn=default_data_collator)
    dev = DataLoader(data["dev"], batch_size=cfg["bs"], collate_fn=default_data_collator)
    no_decay = ("bias", "norm.weight")
    named = list(model.named_parameters())
    optim = torch.optim.AdamW(
        [{"params": [p for n, p in named if not n.endswith(no_decay)], "weight_decay": 0.1},
         {"params": [p for n, p in named if n.endswith(no_decay)], "weight_decay": 0.0}],
        lr=cfg["lr"], betas=(0.9, 0.95))
    steps = math.ceil(len(train) / cfg["accum"]) * cfg["epochs"]
    sched = get_scheduler("cosine", optim, num_warmup_steps=int(0.03 * steps) * accelerator.num_processes,
                          num_training_steps=steps * accelerator.num_processes)
    model, optim, train, dev, sched = accelerator.prepare(model, optim, train, dev, sched)
    for epoch in range(cfg["epochs"]):
        model.train()
        for batch in train:
            with accelerator.accumulate(model):
                loss = model(**batch).loss
                accelerator.backward(loss)
                if accelerator.sync_gradients:
                    accelerator.clip_grad_norm_(model.parameters(), 1.0)
                optim.step()
                sched.step()
                optim.zero_grad(set_to_none=True)
        model.eval()
        nll = []
        for batch in dev:
            with torch.inference_mode():
                out = model(**batch)
            nll.append(accelerator.gather_for_metrics(out.loss.repeat(len(batch["input_ids"]))))
        ppl = torch.cat(nll).mean().exp()
        accelerator.print(f"{epoch} ppl {ppl:.2f}")
        accelerator.save_state(f"{cfg['out']}/{epoch}")


if __name__ == "__main__":
    run({"model": "EleutherAI/pythia-410m", "data": "corpus", "bs": 4, "accum": 16, "lr": 2e-5, "epochs": 2, "seed": 0, "out": "ck"})

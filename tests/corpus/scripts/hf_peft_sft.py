from datasets import load_dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling, Trainer, TrainingArguments
import torch

model_name = "meta-llama/Llama-3.2-1B"
tok = AutoTokenizer.from_pretrained(model_name)
tok.pad_token = tok.eos_token
base = AutoModelForCausalLM.from_pretrained(model_name, torch_dtype=torch.bfloat16, device_map="auto")
lora = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.05, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
model = get_peft_model(base, lora)
model.print_trainable_parameters()

ds = load_dataset("yahma/alpaca-cleaned", split="train").train_test_split(test_size=0.02, seed=0)


def fmt(row):
    prompt = f"### Instruction:\n{row['instruction']}\n### Response:\n{row['output']}{tok.eos_token}"
    return tok(prompt, truncation=True, max_length=512)


ds = ds.map(fmt, remove_columns=ds["train"].column_names)
args = TrainingArguments(
    "llama-lora",
    per_device_train_batch_size=4,
    gradient_accumulation_steps=8,
    learning_rate=2e-4,
    lr_scheduler_type="cosine",
    warmup_steps=50,
    num_train_epochs=2,
    bf16=True,
    logging_steps=10,
    eval_strategy="steps",
    eval_steps=200,
    save_steps=200,
    report_to="none",
    seed=0,
)
trainer = Trainer(
    model=model, args=args, train_dataset=ds["train"], eval_dataset=ds["test"],
    data_collator=DataCollatorForLanguageModeling(tok, mlm=False),
)
trainer.train()
model.save_pretrained("llama-lora/final")

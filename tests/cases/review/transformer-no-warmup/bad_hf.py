from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

model = AutoModelForCausalLM.from_pretrained("gpt2")
args = TrainingArguments(output_dir="o", learning_rate=2e-5, per_device_train_batch_size=16, num_train_epochs=3)  # <-- transformer-no-warmup
Trainer(model, args, train_dataset=ds).train()

from transformers import Trainer, TrainingArguments

args = TrainingArguments("out", num_train_epochs=60, lr_scheduler_type="constant", per_device_train_batch_size=32)  # <-- long-training-constant-lr
trainer = Trainer(model=model, args=args, train_dataset=data)
trainer.train()

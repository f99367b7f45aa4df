from transformers import AutoModelForSequenceClassification, Trainer, TrainingArguments

model = AutoModelForSequenceClassification.from_pretrained("bert-base-uncased")
args = TrainingArguments("out", learning_rate=2e-5, num_train_epochs=3, warmup_steps=500)  # <-- small-batch-no-accumulation
trainer = Trainer(model=model, args=args, train_dataset=train_set)
trainer.train()

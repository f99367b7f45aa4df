from datasets import load_dataset
from transformers import AutoModelForSequenceClassification, Trainer, TrainingArguments

data = load_dataset("yelp_polarity")
model = AutoModelForSequenceClassification.from_pretrained("distilbert-base-uncased", num_labels=2)
arguments = TrainingArguments(
    "out", per_device_train_batch_size=32, warmup_steps=100, eval_strategy="epoch", save_strategy="epoch", load_best_model_at_end=True
)
trainer = Trainer(model=model, args=arguments, train_dataset=data["train"], eval_dataset=data["test"])  # <-- test-set-used-for-selection
trainer.train()
print(trainer.evaluate(data["test"]))

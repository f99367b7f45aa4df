from transformers import TrainingArguments

args = TrainingArguments(  # <-- adam-lr-too-high
    output_dir="out",
    learning_rate=2e-1,
    per_device_train_batch_size=32,
)

import numpy as np
from datasets import load_dataset
import evaluate
from transformers import (
    AutoModelForSeq2SeqLM, AutoTokenizer, DataCollatorForSeq2Seq,
    Seq2SeqTrainer, Seq2SeqTrainingArguments, set_seed,
)

CHECKPOINT = "t5-small"
PREFIX = "translate English to French: "
set_seed(101)
books = load_dataset("opus_books", "en-fr")["train"].train_test_split(test_size=0.2, seed=101)
tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT)


def preprocess(examples):
    inputs = [PREFIX + ex["en"] for ex in examples["translation"]]
    targets = [ex["fr"] for ex in examples["translation"]]
    return tokenizer(inputs, text_target=targets, max_length=128, truncation=True)


tokenized = books.map(preprocess, batched=True)
model = AutoModelForSeq2SeqLM.from_pretrained(CHECKPOINT)
collator = DataCollatorForSeq2Seq(tokenizer=tokenizer, model=model)
bleu = evaluate.load("sacrebleu")


def compute_metrics(pred):
    preds, labels = pred
    labels = np.where(labels != -100, labels, tokenizer.pad_token_id)
    p = tokenizer.batch_decode(preds, skip_special_tokens=True)
    l = [[t] for t in tokenizer.batch_decode(labels, skip_special_tokens=True)]
    return {"bleu": bleu.compute(predictions=p, references=l)["score"]}


hp = {
    "learning_rate": 1e-4,
    "weight_decay": 0.01,
    "num_train_epochs": 4,
    "per_device_train_batch_size": 16,
    "warmup_steps": 400,
}
args = Seq2SeqTrainingArguments(
    output_dir="opus", eval_strategy="epoch", save_strategy="epoch", save_total_limit=2, predict_with_generate=True,
    fp16=False, bf16=True, load_best_model_at_end=True, metric_for_best_model="bleu", per_device_eval_batch_size=32, **hp)
trainer = Seq2SeqTrainer(model=model, args=args, train_dataset=tokenized["train"], eval_dataset=tokenized["test"],
                         data_collator=collator, processing_class=tokenizer, compute_metrics=compute_metrics)
trainer.train()

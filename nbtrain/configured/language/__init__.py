"""Language models of Hugging Face, fine-tuned on texts.

pretrained.py   which folder or hub name, its tokenizer and its window
layouts.py      a row of JSON -> a text, and which parts of it are predicted
encoding.py     texts -> token ids; packed into full windows, or a sample each
samples.py      a file -> samples on disk, by `datasets`, tokenized once
loss.py         the next token's cross-entropy, a mean over tokens
models.py       the model: precision, attention, gradient checkpointing, LoRA
completions.py  what it writes before and after
"""

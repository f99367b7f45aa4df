"""The tokenizer has no token to pad with.

What it is
Models such as GPT-2, Llama and Mistral were made without one.

Why it happens
Batches of texts of different lengths have to be padded.

How to fix
Take the end-of-sequence token, and mask padded places in the labels by -100; or add a token and resize
the embeddings.

Example
```text
ValueError: Asking to pad but the tokenizer does not have a padding token.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "hf-no-pad-token",
    __name__,
    kinds=("ValueError",),
    texts=(
        r"Asking to pad but the tokenizer does not have a padding token",
        r"Cannot handle batch sizes > 1 if no padding token is defined",
    ),
    code="tokenizer.pad_token = tokenizer.eos_token\nmodel.config.pad_token_id = tokenizer.pad_token_id",
)

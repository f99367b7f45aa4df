"""An argument of the Hugging Face Trainer has another name in this version.

What it is
transformers renamed arguments and took the old names away.

Why it happens
Code for an older version: `evaluation_strategy` is `eval_strategy` now, the Trainer's `tokenizer` is
`processing_class`, `no_cuda` is `use_cpu`.

How to fix
Rename: `eval_strategy=` in TrainingArguments, `processing_class=tokenizer` in Trainer, `use_cpu=True`.
`help(TrainingArguments)` lists what there is.

Example
```text
TypeError: TrainingArguments.__init__() got an unexpected keyword argument 'evaluation_strategy'
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "hf-argument-renamed",
    __name__,
    kinds=("TypeError",),
    texts=(r"\w*(?:TrainingArguments|Trainer|SFTConfig|DPOConfig)\.__init__\(\) got an unexpected keyword argument '(\w+)'",),
    what="This version knows no `{1}`.",
    code='TrainingArguments("out", eval_strategy="epoch")  # in Trainer: processing_class=tokenizer',
)

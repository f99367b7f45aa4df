"""Texts of different lengths cannot become one tensor.

What it is
The tokenizer gives lists; a tensor needs rows of one length.

Why it happens
`return_tensors="pt"` without `padding=True`, a collator that does not pad `labels`, or columns of texts
left in the data set.

How to fix
Pad and cut in the tokenizer, or let DataCollatorWithPadding (DataCollatorForSeq2Seq for labels) do it;
remove text columns.

Example
```text
ValueError: Unable to create tensor, you should probably activate truncation and/or padding with 'padding=True' 'truncation=True' to have batched tensors with the same length.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "hf-padding",
    __name__,
    kinds=("ValueError",),
    texts=(r"Unable to create tensor, you should probably activate (?:truncation and/or )?padding",),
    code='tokenizer(texts, padding=True, truncation=True, return_tensors="pt")',
    over_cause=True,
)

"""The model returned no loss.

What it is
The Trainer takes the loss from the model, which computes it only when it gets `labels`.

Why it happens
The data set has no column `labels` (it is called `label`, or was removed), or the model has no head.

How to fix
Name the column `labels`; use a model with a head, such as AutoModelForSequenceClassification.

Example
```text
ValueError: The model did not return a loss from the inputs, only the following keys: logits. For reference, the inputs it received are input_ids,attention_mask.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "hf-no-loss",
    __name__,
    kinds=("ValueError",),
    texts=(r"The model did not return a loss from the inputs, only the following keys: ([\w,]+)",),
    what="It returned {1}.",
    code='dataset = dataset.rename_column("label", "labels")',
)

"""The best model is to be loaded, and is not saved when it is evaluated.

What it is
`load_best_model_at_end=True` picks among the checkpoints by their evaluation, so each needs one.

Why it happens
`eval_strategy` and `save_strategy` differ, or `save_steps` is no multiple of `eval_steps`, or nothing
is evaluated.

How to fix
Give both one value: `eval_strategy="epoch", save_strategy="epoch"`, or steps with equal `eval_steps`
and `save_steps`.

Example
```text
ValueError: --load_best_model_at_end requires the save and eval strategy to match, but found
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "hf-strategies-differ",
    __name__,
    kinds=("ValueError",),
    texts=(r"load_best_model_at_end requires the (?:save(?:ing)? and eval(?:uation)?|saving) (?:strategy|steps) to (?:match|be a round multiple)",),
    code='TrainingArguments("out", eval_strategy="epoch", save_strategy="epoch", load_best_model_at_end=True)',
)

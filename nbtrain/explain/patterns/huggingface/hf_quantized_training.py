"""A quantized model cannot be trained as it is.

What it is
Weights in 4 or 8 bits have no gradients.

Why it happens
The model was loaded with `load_in_4bit` or `load_in_8bit` and given to a Trainer.

How to fix
Train adapters on top of it (PEFT, LoRA), or load it unquantized.

Example
```text
ValueError: You cannot perform fine-tuning on purely quantized models. Please attach trainable adapters on top of the quantized model to correctly perform fine-tuning.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "hf-quantized-training",
    __name__,
    kinds=("ValueError",),
    texts=(
        r"You cannot perform fine-tuning on purely quantized models",
        r"The model you (?:want to train is loaded in 8-bit precision|are trying to fine-tune is quantized)",
    ),
    code='model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM"))',
)

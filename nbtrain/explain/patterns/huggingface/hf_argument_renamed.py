"""An argument of the Hugging Face Trainer has another name or place in this version.

What it is
transformers and trl renamed or moved arguments and took the old names away.

Why it happens
Code for an older version: `evaluation_strategy` is `eval_strategy` now, the Trainer's `tokenizer` is
`processing_class`, `no_cuda` is `use_cpu`; what SFTTrainer took of the texts is in SFTConfig.

How to fix
Rename: `eval_strategy=` in TrainingArguments, `processing_class=tokenizer` in Trainer, `use_cpu=True`,
`per_device_train_batch_size=`.
`help(TrainingArguments)` lists what there is.

Example
```text
TypeError: TrainingArguments.__init__() got an unexpected keyword argument 'evaluation_strategy'
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

_IN_ARGUMENTS = (
    "evaluation_strategy|no_cuda|per_gpu_(?:train|eval)_batch_size|use_mps_device|xpu_backend"
    "|push_to_hub_(?:model_id|organization|token)|include_inputs_for_metrics"
)
_MOVED = "dataset_text_field|max_seq_length|packing|dataset_num_proc"  # from SFTTrainer to SFTConfig

PATTERN = Pattern(
    "hf-argument-renamed",
    __name__,
    kinds=("TypeError",),
    texts=(
        rf"(?<![\w.>])(?:(?:Seq2Seq)?TrainingArguments|(?:SFT|DPO)Config)\.__init__\(\) got an unexpected keyword argument '({_IN_ARGUMENTS})'",
        r"(?<![\w.>])SFTConfig\.__init__\(\) got an unexpected keyword argument '(max_seq_length)'",
        r"(?<![\w.>])(?:Seq2Seq|SFT|DPO)?Trainer\.__init__\(\) got an unexpected keyword argument '(tokenizer)'",
        rf"(?<![\w.>])SFTTrainer\.__init__\(\) got an unexpected keyword argument '({_MOVED})'",
    ),
    what="This version knows no `{1}` there.",
    codes=(
        (r"'tokenizer'", "processing_class=tokenizer  # in place of tokenizer=tokenizer"),
        (r"'evaluation_strategy'", 'eval_strategy="epoch"  # in place of evaluation_strategy'),
        (r"'no_cuda'", "use_cpu=True  # in place of no_cuda"),
        (r"'per_gpu_train", "per_device_train_batch_size=8  # in place of {1}"),
        (r"'per_gpu_eval", "per_device_eval_batch_size=8  # in place of {1}"),
        (r"Trainer\.__init__.*'max_seq_length'", "args=SFTConfig(max_length=1024)  # in place of {1}"),
        (r"'max_seq_length'", "max_length=1024  # in place of {1}"),
        (r"Trainer\.__init__", "args=SFTConfig({1}={1})  # in place of {1} in the trainer"),
    ),
    code="help(TrainingArguments)",
)

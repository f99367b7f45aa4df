"""The attention that is asked for is not installed.

What it is
`attn_implementation="flash_attention_2"` needs the package flash-attn, built for this torch and CUDA.

Why it happens
It is not installed, or its build does not fit; it runs on NVIDIA GPUs from Ampere on only.

How to fix
Leave it to torch: `attn_implementation="sdpa"` is exact and nearly as fast; or install flash-attn for
your versions.

Example
```text
ImportError: FlashAttention2 has been toggled on, but it cannot be used due to the following error: the package flash_attn seems to be not installed.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "hf-attention-missing",
    __name__,
    kinds=("ImportError", "ValueError", "RuntimeError"),
    texts=(
        r"Flash ?Attention ?(\d)? has been toggled on, but it cannot be used",
        r"FlashAttention only supports Ampere GPUs or newer",
    ),
    code='model = AutoModel.from_pretrained(name, attn_implementation="sdpa")',
)

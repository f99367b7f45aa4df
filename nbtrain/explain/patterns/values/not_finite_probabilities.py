"""A distribution was given NaN, infinite or negative values.

What it is
Sampling needs probabilities that are finite and at least 0.

Why it happens
The weights have become NaN: too high a learning rate, half precision, a logarithm of 0, or a division
by 0.

How to fix
Find the first step with NaN; lower the learning rate, clip gradients, use bfloat16 in place of float16.

Example
```text
RuntimeError: probability tensor contains either `inf`, `nan` or element < 0
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "not-finite-probabilities",
    __name__,
    kinds=("RuntimeError", "ValueError"),
    texts=(
        r"probability tensor contains either `inf`, `nan` or element < 0",
        r"Expected parameter (\w+) \((?:Tensor|Parameter) of shape \(([\d, ]*)\)\) of distribution (\w+)[\s\S]*to satisfy the constraint [\s\S]*but found invalid values",
        r"invalid multinomial distribution \(sum of probabilities <= 0\)",
    ),
    code="torch.autograd.set_detect_anomaly(True)  # names where NaN comes from; take it out afterwards",
)

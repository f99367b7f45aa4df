"""The weights of a loss are not one for each class.

What it is
`weight` of cross_entropy has one number for each class, `pos_weight` of BCEWithLogitsLoss one for each
output.

Why it happens
Weights counted from labels that do not have every class, from another data set, or from the samples.

How to fix
Count with the number of classes given: `torch.bincount(labels, minlength=classes)`; the inverse of the
shares, on the model's device.

Example
```text
RuntimeError: weight tensor should be defined either for all 5 classes or no classes but got weight tensor of shape: [3]
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import RUNTIME, Pattern

PATTERN = Pattern(
    "class-weights-count",
    __name__,
    kinds=RUNTIME,
    texts=(r"weight tensor should be defined either for all (?P<wanted>\d+)(?: or \d+)? classes or no classes but got weight tensor of shape: \[(?P<by>[\d, ]+)\]",),
    what="There are {wanted} classes and {by} weights.",
    code="counts = torch.bincount(labels, minlength=classes)\nweight = counts.sum() / (classes * counts.clamp(min=1))",
)

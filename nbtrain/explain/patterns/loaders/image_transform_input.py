"""A transform got another kind of image than it takes.

What it is
Some transforms take PIL images, others tensors.

Why it happens
`ToTensor()` stands twice or at the wrong place, or Normalize comes before it.

How to fix
Order: transforms on images, then ToTensor, then Normalize.

Example
```text
TypeError: pic should be PIL Image or ndarray. Got <class 'torch.Tensor'>
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "image-transform-input",
    __name__,
    kinds=("TypeError", "ValueError"),
    texts=(
        r"pic should be (?:PIL Image or ndarray|Tensor or ndarray)\. Got <?(?:class ')?([\w.]+)",
        r"img should be (?:PIL Image|Tensor Image)\. Got <?(?:class ')?([\w.]+)",
        r"Input tensor should be a (?:float|torch) tensor\. Got ([\w.]+)",
    ),
    what="It got a {1}.",
    code="transforms.Compose([transforms.Resize(224), transforms.ToTensor(), transforms.Normalize(mean, std)])",
)

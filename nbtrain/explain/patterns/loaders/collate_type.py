"""The loader cannot put samples of this kind into a batch.

What it is
The default collate knows tensors, arrays, numbers, texts, dicts and lists of them.

Why it happens
`__getitem__` returns None (often for want of a `return`), an image of PIL, or an object of its own.

How to fix
Return tensors: `transforms.ToTensor()` for images; leave out bad samples before, or write a
`collate_fn`.

Example
```text
TypeError: default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found <class 'NoneType'>
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    kinds = {type(one.dataset).__name__: name for name, one in sight.of_type("DataLoader").items()}
    if len(kinds) != 1:
        return None
    kind, name = next(iter(kinds.items()))
    code = "return x, y  # at the end of __getitem__" if found[1].endswith("NoneType") else ""
    return Said(f"A sample of `{name}` (data set {kind}) is or holds a {found[1]}.", code=code)


PATTERN = Pattern(
    "collate-type",
    __name__,
    kinds=("TypeError",),
    texts=(
        r"(?:default_collate: )?batch must contain tensors, numpy arrays, numbers, dicts or lists; found <?(?:class ')?([\w.]+)",
    ),
    what="A sample holds a {1}.",
    code="transform=transforms.ToTensor()",
    tell=tell,
)

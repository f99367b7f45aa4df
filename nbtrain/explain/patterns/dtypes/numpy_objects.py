"""A numpy array holds something that is no number.

What it is
torch takes arrays of numbers; this one has Python objects or texts in it.

Why it happens
A pandas column with texts or missing values, or a ragged list.

How to fix
Find the column (`df.dtypes`) and convert it: `array.astype("float32")`.

Example
```text
TypeError: can't convert np.ndarray of type numpy.object_. The only supported types are: float64, float32, float16, complex64, complex128, int64, int32, int16, int8, uint8, and bool.
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    for name, value in sight.tensors:
        if str(value.dtype).startswith(("object", "<U", "|S")):
            what = f"`{name}` is an array of shape {shape_of(value)} and type {value.dtype}."
            return Said(what, code=f'torch.from_numpy({name}.astype("float32"))')
    return None


PATTERN = Pattern(
    "numpy-objects",
    __name__,
    kinds=("TypeError",),
    texts=(r"can't convert np\.ndarray of type (?:numpy\.)?(\w+)\. The only supported types are",),
    what="The array is of type {1}.",
    code='torch.from_numpy(array.astype("float32"))',
    tell=tell,
)

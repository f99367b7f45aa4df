"""Two tensors of different types of numbers are used together.

What it is
Layers and matrix products need input and weights of one type, usually float32.

Why it happens
Numbers from numpy or pandas are float64 (`Double`); images and labels are whole numbers (`Long`,
`unsigned char`); half-precision models get float32.

How to fix
Convert the input: `x = x.float()`. From numpy: `torch.from_numpy(array).float()`. In half precision,
run under `torch.autocast` in place of converting by hand.

Example
```text
RuntimeError: mat1 and mat2 must have the same dtype, but got Double and Float
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import assigned, loss_pair


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    pair = loss_pair(sight, "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss")
    if pair is not None:
        output_name, output, name, target = pair
        what = f"`{output_name}` is {output.dtype} and `{name}` {target.dtype}."
        return Said(what, fix="Convert the target.", code=f"{name} = {name}.to({output_name}.dtype)")
    layer = sight.module
    given = sight.input_of(layer.module) if layer is not None else None
    if given is None:
        two = sight.tensors[:2]
        if len(two) < 2:
            return None
        (left, a), (right, b) = two
        what = f"`{left}` is {a.dtype} and `{right}` {b.dtype}."
        return Said(what, fix="Convert one of them.", code=assigned(right, f"{right}.to({left}.dtype)"))
    weight = next(iter(layer.module.parameters(recurse=False)), None)
    if weight is None:
        return None
    name = sight.name_of(given, "x")
    what = f"The input of {layer.named} is {given.dtype} and its weights are {weight.dtype}."
    return Said(what, fix="Convert the input.", code=f"{name} = {name}.to({weight.dtype})")


PATTERN = Pattern(
    "dtype-mismatch",
    __name__,
    kinds=(*RUNTIME, "ValueError"),
    texts=(
        r"(?:mat1|self|m1|a) and (?:mat2|b) must have the same dtype, but got (\w+) and (\w+)",
        r"expected m1 and m2 to have the same dtype, but got: (\w+) != ([\w:]+)",
        r"expected scalar type (?!Long)(\w+) but found (\w+)",
        r"Input type \(([\w.:]+(?: char)?)\) and (?:bias|weight) type \(([\w.:]+)\) should be the same",
        r"RNN input dtype \(torch\.(\w+)\) does not match weight dtype \(torch\.(\w+)\)",
        r"mixed dtype \(CPU\): (?:all inputs must share same datatype|expect parameter to have scalar type of Float)",
        r"dot : expected both vectors to have same dtype, but found (\w+) and (\w+)",
        r"Expected query, key, and value to have the same dtype, but got query\.dtype: (\w+) key\.dtype: (\w+)",
        r"expected (?:m1 and m2|input and weight) to have the same dtype",
        r"Index put requires the source and destination dtypes match, got (\w+) for the destination and (\w+) for the source",
        r"Found dtype (\w+) but expected (\w+)",
        r"Expected object of scalar type (?!Long)(\w+) but got scalar type (\w+) for argument",
    ),
    what="{1} and {2} are not one type.",
    unless=r"Input type \((?:torch\.)?(?:cuda|CPU|CUDA|Mkldnn|mps|torch\.FloatTensor)",
    tell=tell,
)

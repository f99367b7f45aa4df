"""What is to be saved holds something that cannot be pickled.

What it is
`torch.save` of a whole model or of a dict pickles everything in it; functions without a name, open
files and locks cannot be.

Why it happens
A lambda kept in the model, a class made inside a function, or a loader, a logger or a thread in the
checkpoint.

How to fix
Save the weights alone, `model.state_dict()`, with plain numbers and texts beside them.

Example
```text
AttributeError: Can't pickle local object 'make.<locals>.<lambda>'
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "save-not-picklable",
    __name__,
    kinds=("AttributeError", "PicklingError", "TypeError"),
    texts=(),
    texts_inside=(
        r"Can't (?:pickle|get) local object '?([^'\n]+)'?",
        r"Can't pickle (?:local )?(?:object )?<?(?:function |class )?'?(<lambda>|[^>' ]+)",
        r"cannot pickle '([\w.]+)' object",
    ),
    what="`{1}` cannot be pickled.",
    code='torch.save({"model": model.state_dict(), "epoch": epoch}, path)',
    inside="torch/serialization.py",
)

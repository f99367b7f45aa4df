"""The output of a layer or a view was changed in place where it must not be.

What it is
Some functions hand out views of one tensor (`chunk`, `split`, `unbind`) or wrap modules with hooks;
those cannot be overwritten in a graph.

Why it happens
`a, b = x.chunk(2)` followed by `a += b`, or an activation with `inplace=True` behind a module with full
backward hooks.

How to fix
Write `a = a + b`, or leave `inplace=True` out.

Example
```text
RuntimeError: Output 0 of SplitBackward0 is a view and is being modified inplace. This view is the output of a function that returns multiple views.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "output-changed-in-place",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"Output (\d+) of (\w+) is a view and is being modified inplace",),
    what="It is output {1} of {2}.",
)

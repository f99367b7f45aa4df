"""Shapes of JAX arrays do not fit.

What it is
Sizes of an operation element by element, or of a product, differ.

Why it happens
A missing transpose, a batch dimension too many, or a function that should be mapped by `vmap`.

How to fix
Print the shapes with `jax.debug.print` or `x.shape` (shapes are known while tracing).

Example
```text
TypeError: add got incompatible shapes for broadcasting: (3,), (4,).
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "jax-shapes",
    __name__,
    kinds=("TypeError", "ValueError"),
    texts=(
        r"(\w+) got incompatible shapes for broadcasting: ([^\n]+)\.",
        r"dot_general requires contracting dimensions to have the same shape, got ([^\n]+)\.",
        r"Incompatible shapes for broadcasting: (?:shapes=)?([^\n]+)",
    ),
)

"""A JAX array cannot be changed in place.

What it is
JAX arrays are values; a change gives a new array.

Why it happens
`x[0] = 1`, as in numpy.

How to fix
`x = x.at[0].set(1)`; `.add`, `.multiply`, `.min` likewise.

Example
```text
TypeError: JAX arrays are immutable and do not support in-place item assignment. Instead of x[idx] = y, use x = x.at[idx].set(y) or another .at[] method.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "jax-immutable",
    __name__,
    kinds=("TypeError",),
    texts=(
        r"JAX arrays are immutable and do not support in-place item assignment",
        r"""'<class '?\"?jaxlib[^\n]*' object does not support item assignment""",
    ),
    code="x = x.at[0].set(1)",
)

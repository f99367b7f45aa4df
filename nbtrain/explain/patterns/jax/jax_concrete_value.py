"""A traced JAX value is used as a Python value.

What it is
Inside `jit`, `grad`, `vmap` and `scan` arrays have a shape and no numbers yet.

Why it happens
`if x > 0:`, `int(x)`, `range(n)`, `x.item()`, numpy on a traced array, or a mask that picks elements.

How to fix
`jnp.where` or `jax.lax.cond` in place of `if`; `jax.lax.fori_loop` for loops; arguments that shape the
computation as static: `jax.jit(f, static_argnames="n")`; jnp in place of np.

Example
```text
jax.errors.TracerBoolConversionError: Attempted boolean conversion of traced array with shape bool[].
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "jax-concrete-value",
    __name__,
    kinds=(),
    texts=(
        r"Attempted boolean conversion of traced array with shape ([\w\[\],]+)",
        r"Abstract tracer value encountered where (?:a )?concrete value is expected",
        r"The numpy\.ndarray conversion method __array__\(\) was called on (?:the JAX Tracer object|traced array)",
        r"The __index__\(\) method was called on (?:the JAX Tracer object|traced array)",
        r"Array boolean indices must be concrete",
    ),
    code="y = jnp.where(x > 0, a, b)  # in place of: if x > 0",
)

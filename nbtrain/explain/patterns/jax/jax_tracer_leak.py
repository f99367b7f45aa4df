"""A traced JAX value was kept after its function had ended.

What it is
Values inside a transformed function live only while it is traced.

Why it happens
Something was appended to a list, or set on an object or a global, inside a jitted function.

How to fix
Return it from the function in place of keeping it.

Example
```text
jax.errors.UnexpectedTracerError: Encountered an unexpected tracer. A function transformed by JAX had a side effect, allowing for a reference to an intermediate value with type float32[] wrapped in a DynamicJaxprTracer to escape the scope of the transformation.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "jax-tracer-leak",
    __name__,
    kinds=(),
    texts=(r"Encountered an unexpected tracer\.",),
    code="return y, aux  # jax.value_and_grad(f, has_aux=True)",
)

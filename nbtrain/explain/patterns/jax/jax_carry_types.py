"""What a JAX loop carries changes its type.

What it is
`lax.scan`, `while_loop` and `fori_loop` are compiled once: what goes into a round has to come out of it
with the same shapes and types.

Why it happens
A counter that begins as the integer 0 and becomes a float, a carry that grows, or one that a branch
leaves out.

How to fix
Make the first carry of the final type: `jnp.float32(0.0)`, `jnp.zeros(shape, x.dtype)`; convert at the
end of the body: `new.astype(old.dtype)`.

Example
```text
TypeError: scan body function carry input and carry output must have equal types (e.g. shapes and dtypes of arrays), but they differ
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "jax-carry-types",
    __name__,
    kinds=("TypeError",),
    texts=(
        r"(?:scan|while_loop|fori_loop) body function carry input and carry output must have (?:equal|the same) types?",
        r"body_fun output and input must have (?:identical|same|equal) types",
    ),
    code="carry = jnp.zeros((), dtype=jnp.float32)",
)

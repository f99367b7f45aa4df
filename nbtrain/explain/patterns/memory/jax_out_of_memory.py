"""The device's memory does not suffice for what JAX compiled.

What it is
XLA plans all buffers of a compiled function beforehand, and they need more than there is.

Why it happens
The batch is too large, or another process holds the memory: JAX takes three quarters of the GPU when it
starts.

How to fix
Smaller batches, `jax.checkpoint` around blocks, bfloat16; XLA_PYTHON_CLIENT_PREALLOCATE=false where
several processes share a GPU.

Example
```text
jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 7406166528 bytes.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "jax-out-of-memory",
    __name__,
    kinds=("XlaRuntimeError", "JaxRuntimeError", "RuntimeError", "ResourceExhaustedError"),
    texts=(
        r"(?:RESOURCE_EXHAUSTED|Resource exhausted): Out of memory (?:while trying to allocate|allocating) (\d+) bytes",
    ),
    what="{1} bytes were asked for.",
    short_of_memory=True,
)

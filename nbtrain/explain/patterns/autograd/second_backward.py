"""backward() went through the same graph twice.

What it is
What the first pass needed is let go after it.

Why it happens
A hidden state or another tensor of the last step goes on into this one, `backward()` is called twice
for one output, or a loss is kept and used again.

How to fix
Cut what goes on from step to step: `hidden = hidden.detach()`. Add up losses and go back once.
`retain_graph=True` is right only where both passes are meant.

Example
```text
RuntimeError: Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed).
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "second-backward",
    __name__,
    kinds=("RuntimeError",),
    texts=(
        r"Trying to backward through the graph a second time",
        r"Buffers have already been freed",
    ),
    code="hidden = hidden.detach()  # what goes on into the next step",
)

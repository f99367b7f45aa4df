"""torch.compile met something that it cannot put into one graph.

What it is
With `fullgraph=True` (or in torch.export) everything has to be traced; this line cannot be.

Why it happens
A condition on a tensor's value, `.item()`, `print`, or a function of another library.

How to fix
Write the condition with `torch.where` or `torch.cond`, move prints out, or leave `fullgraph=True` out:
then only this part runs uncompiled.

Example
```text
torch._dynamo.exc.Unsupported: Data-dependent branching
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "graph-break",
    __name__,
    kinds=(
        "torch._dynamo.exc.Unsupported",
        "torch._dynamo.exc.UserError",
        "torch.fx.experimental.symbolic_shapes.GuardOnDataDependentSymNode",
    ),
    texts=(r"\A(?P<said>[^\n]+)(?:[\s\S]*?Explanation: (?P<more>[^\n]+))?",),
    what="{said}. {more}",
    code="model = torch.compile(model)  # without fullgraph=True",
    needs_type=True,
)

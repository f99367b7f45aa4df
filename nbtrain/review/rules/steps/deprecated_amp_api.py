"""torch.cuda.amp instead of torch.amp.

What it does
Looks for `torch.cuda.amp.autocast`, `torch.cuda.amp.GradScaler` and their `torch.cpu.amp` forms.

Why it hurts
They are deprecated since PyTorch 2.4, warn at every construction and will go. They also take no device, so
that the code runs on nothing else.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2).cuda()
scaler = torch.cuda.amp.GradScaler()
with torch.cuda.amp.autocast():
    y = model(x)
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2).cuda()
scaler = torch.amp.GradScaler("cuda")
with torch.autocast("cuda"):
    y = model(x)
```

When to ignore
The code must run on PyTorch before 2.3.

Source: PyTorch 2.4 release notes, deprecations.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.edits import Edit, replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

OLD = ("torch.cuda.amp.", "torch.cpu.amp.")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    written = facts.source is not None and any(
        old.removeprefix("torch.")[:-1] in facts.source.text for old in OLD
    )
    for event in facts.story.made("autocast", "scaler") if written else ():
        path = event.data["path"]
        if not path.startswith(OLD):
            continue
        device, name = path.split(".")[1], path.rpartition(".")[2]
        new = f'torch.{"amp.GradScaler" if name == "GradScaler" else "autocast"}("{device}")'
        yield Problem(
            issue=f"`{path}` is deprecated",
            current=f"{path}()",
            recommended=new,
            evidence=f"{path} on line {event.line}",
            line=event.line,
            fix=new,
            edits=_edits(facts, event.node, path, device),
        )


def _edits(facts: ReviewFacts, node: ast.AST, path: str, device: str) -> tuple[Edit, ...]:
    """The new name and the device first, where the old name is written out in full."""
    if not isinstance(node, ast.Call) or ast.unparse(node.func) != path:
        return ()
    name = "GradScaler" if path.endswith("GradScaler") else "autocast"
    line, column = node.func.end_lineno or 0, (node.func.end_col_offset or 0) + 1
    device_first = f'"{device}"' + (", " if node.args or node.keywords else "")
    return (*replace_node(node.func, f"torch.amp.{name}"), Edit(line, column, line, column, device_first))


RULE = Rule("deprecated-amp-api", Severity.INFO, check)

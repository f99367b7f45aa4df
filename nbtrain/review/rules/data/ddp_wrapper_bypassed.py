"""The training runs the model inside its DistributedDataParallel wrapper, not the wrapper.

What it does
Looks at training steps whose loss comes from `model.module(...)`, or from the bare model although a wrapped
one goes by another name.

Why it hurts
The wrapper's forward prepares the exchange of gradients. Without it no process hears of the others: each
trains a model of its own on a part of the data, and only one of them is saved.

Bad
```python
import torch
from torch import nn

model = nn.parallel.DistributedDataParallel(nn.Linear(10, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model.module(x), y).backward()
    optimizer.step()
```

Good
```python
import torch
from torch import nn

model = nn.parallel.DistributedDataParallel(nn.Linear(10, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
```

When to ignore
Gradients are averaged by hand (`all_reduce`).

Source: PyTorch's notes on Distributed Data Parallel; one of TrainCheck's reproduced errors (OSDI 2025).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.values import Term
from nbtrain.review.edits import replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

WRAPPERS = ("DistributedDataParallel", "FullyShardedDataParallel")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    wraps = [one for one in facts.story.made("distributed") if one.data["path"].endswith(WRAPPERS)]
    if not (wraps or facts.story.of("prepare")) or (facts.story.calls("all_reduce") and not wraps):
        return
    bare = _bare_names(facts, wraps)
    for cycle in facts.cycles:
        for one, _ in behind(cycle.backward.subject, graph=True):
            op = one.op if isinstance(one, Term) else None
            func = getattr(op.node, "func", None) if op is not None else None
            if func is None or op is None:
                continue
            written = ast.unparse(func)
            if op.path == ".module" or (op.path == "call" and written in bare):
                yield _problem(written, bare.get(written, written.removesuffix(".module")), op.node, func)
                break


def _bare_names(facts: ReviewFacts, wraps: list[Event]) -> dict[str, str]:
    """Names of models whose wrapped form goes by another name: bare name -> wrapped name."""
    tree = facts.source.tree if facts.source is not None else None
    calls = {id(one.node): one.node for one in wraps}
    found = {}
    for node in ast.walk(tree) if tree is not None and wraps else ():
        if isinstance(node, ast.Assign) and id(node.value) in calls and node.value.args:  # type: ignore[attr-defined]
            bare, wrapped = ast.unparse(node.value.args[0]), ast.unparse(node.targets[0])  # type: ignore[attr-defined]
            if bare != wrapped and bare.isidentifier():
                found[bare] = wrapped
    return found


def _problem(written: str, wrapped: str, node: ast.AST | None, func: ast.expr) -> Problem:
    return Problem(
        issue=f"The loss comes from `{written}`, past the wrapper: gradients are not exchanged",
        current=f"{written}(...)",
        recommended=f"{wrapped}(...)",
        evidence=(
            f"`{written}(...)` on line {getattr(node, 'lineno', '?')} leads to the loss; the wrapper's "
            "forward is not called"
        ),
        line=getattr(node, "lineno", None),
        name=written,
        fix=f"{wrapped}(...)",
        edits=replace_node(func, wrapped),
    )


RULE = Rule("ddp-wrapper-bypassed", Severity.CRITICAL, check)

"""A DataLoader over the same data is made anew in every epoch.

What it does
Looks for a DataLoader that is made inside the loop over epochs that also reads it, from a data set that was
made before the loop. Without workers it is a note. Loaders of a fold, of new rollouts, or of data that
depend on the epoch are left alone.

Why it hurts
Worker processes start again in every epoch, `persistent_workers` has no effect, and a seeded generator or a
sampler made with it gives the same order each time.

Bad
```python
import torch
from torch import nn
from torch.utils.data import DataLoader

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(5):
    train_loader = DataLoader(train_data, batch_size=64, shuffle=True, num_workers=4)
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
```

Good
```python
import torch
from torch import nn
from torch.utils.data import DataLoader

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_loader = DataLoader(train_data, batch_size=64, shuffle=True, num_workers=4)
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
```

When to ignore
The data set changes its contents between epochs in a way that its loader must see.

Source: PyTorch's documentation of `persistent_workers`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.feeds import Feed, deep_behind, feeds, surely_off
from nbtrain.notebook.symbolic.machine import Loop
from nbtrain.notebook.symbolic.values import Made, Term
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for feed in feeds(facts.story):
        loop = _epoch_loop(feed)
        if loop is None or not _same_each_time(feed, loop):
            continue
        name = feed.name or "a DataLoader"
        yield Problem(
            issue=f"`{name}` is made anew in every epoch over the same data",
            current=f"made inside the loop of line {loop.line}",
            recommended="make it once, before the loop",
            evidence=(
                f"DataLoader on line {feed.made.line}, in the epoch loop of line {loop.line}; nothing it "
                "gets changes in it"
            ),
            line=feed.made.line,
            name=feed.name,
            fix=f"{name} = {ast.unparse(feed.value.node)}  # before the loop",
            severity=Severity.INFO if surely_off(feed.argument("num_workers")) else None,
        )


def _epoch_loop(feed: Feed) -> Loop | None:
    """The loop that makes the loader and, directly within it, reads it for training."""
    if feed.cycle is None or not feed.made.loops:
        return None
    loops = feed.cycle.backward.loops
    around = feed.made.loops[-1]
    inner = loops[loops.index(around) + 1 :] if around in loops else ()
    return around if around.kind in ("range", "while", "other") and len(inner) == 1 else None


def _same_each_time(feed: Feed, loop: Loop) -> bool:
    """Nothing that the loader gets is made, or depends on what is set, inside the loop."""
    first, last = loop.line, getattr(loop.node, "end_lineno", loop.line) or loop.line
    targets = {
        one.id for one in ast.walk(getattr(loop.node, "target", loop.node)) if isinstance(one, ast.Name)
    }
    if (
        loop.kind == "while"
        or {one.id for one in ast.walk(feed.value.node) if isinstance(one, ast.Name)} & targets
    ):
        return False
    set_inside = {
        one.id for one in ast.walk(loop.node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }
    used = {one.id for one in ast.walk(feed.value.node) if isinstance(one, ast.Name)}
    if used & set_inside:
        return False
    for given in [*feed.value.args, *feed.value.kwargs.values()]:
        for one in deep_behind(given):
            node = (
                one.node
                if isinstance(one, Made)
                else one.op.node
                if isinstance(one, Term) and one.op
                else None
            )
            if node is not feed.value.node and first < getattr(node, "lineno", 0) <= last and used:
                return False
    return True


RULE = Rule("dataloader-in-epoch-loop", Severity.WARNING, check)

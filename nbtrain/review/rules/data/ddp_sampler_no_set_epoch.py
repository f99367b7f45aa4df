"""A DistributedSampler that is not told the epoch gives the same order every time.

What it does
Looks at trainings of several epochs over a loader with a shuffling `DistributedSampler` in a source that
never calls `set_epoch`. Accelerate, Lightning and Fabric call it themselves.

Why it hurts
The sampler seeds its shuffle with the epoch it was told. Never told, it repeats one permutation, and every
process sees the same part of the data for the whole training.

Bad
```python
import torch
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

model = nn.parallel.DistributedDataParallel(nn.Linear(10, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
sampler = DistributedSampler(train_data)
train_loader = DataLoader(train_data, batch_size=64, sampler=sampler)
for epoch in range(5):
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
from torch.utils.data.distributed import DistributedSampler

model = nn.parallel.DistributedDataParallel(nn.Linear(10, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
sampler = DistributedSampler(train_data)
train_loader = DataLoader(train_data, batch_size=64, sampler=sampler)
for epoch in range(5):
    sampler.set_epoch(epoch)
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
```

When to ignore
A single epoch.

Source: PyTorch's documentation of DistributedSampler.set_epoch; pytorch issue 31771, transformers issue
4398.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.feeds import Feed, feeds, surely_off
from nbtrain.notebook.symbolic.machine import Loop
from nbtrain.notebook.symbolic.values import Made, options
from nbtrain.review.edits import Edit, line_before
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule, could_not
from nbtrain.review.steps import one_scope


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    if facts.story.calls(".set_epoch") or facts.story.of("prepare"):
        return
    for feed in feeds(facts.story):
        given = feed.argument("sampler")
        samplers = [one for one in options(given) if _shuffles(one)] if given is not None else []
        cycle = feed.cycle
        if not samplers or cycle is None or len(cycle.backward.loops) < 2:
            continue
        epochs = cycle.training.epochs
        if epochs is not None and epochs.known and epochs.high <= 1:
            continue
        name = facts.story.name_of(samplers[0]) or "sampler"
        if cycle.hidden:
            yield could_not(f"whether `{name}` is told the epoch", f"`{cycle.hidden}` is not in the source")
            continue
        loop = cycle.backward.loops[-2]
        yield Problem(
            issue=f"`{name}` is never told the epoch: every epoch has the same order",
            current="no set_epoch",
            recommended=f"{name}.set_epoch(epoch) at the start of each epoch",
            evidence=f"DistributedSampler for the loader on line {feed.made.line}; nothing calls set_epoch",
            line=loop.line,
            name=name,
            fix=f"{name}.set_epoch({loop.target or 'epoch'})",
            edits=_edits(facts, feed, name, loop),
        )


def _edits(facts: ReviewFacts, feed: Feed, name: str, loop: Loop) -> tuple[Edit, ...]:
    body = getattr(loop.node, "body", [])
    near = bool(body) and one_scope(facts, feed.made.node, body[0])
    return line_before(body[0], f"{name}.set_epoch({loop.target})") if near and loop.target else ()


def _shuffles(sampler: object) -> bool:
    if not (isinstance(sampler, Made) and sampler.path.endswith("DistributedSampler")):
        return False
    given = sampler.kwargs.get("shuffle")
    return given is None or not surely_off(given)


RULE = Rule("ddp-sampler-no-set-epoch", Severity.WARNING, check)

"""The model is moved to another device after the optimizer was made.

What it does
Looks for `.to(device)` or `.cuda()` on a model whose parameters an optimizer already holds, and for FSDP
around it.
Conversions of dtype alone are not meant.

Why it hurts
Most moves keep the parameter objects and work. Those that make new ones (FSDP, XLA, shared or quantised
tensors) leave the optimizer with the old ones: nothing learns. State made before, by a step or by loading,
stays on the old device.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
model.to("cuda")
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
model.to("cuda")
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
```

When to ignore
A plain move between CPU and GPU before the first step.

Source: PyTorch's documentation of torch.optim ("move a model to the GPU before constructing optimizers for
it").
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.story import may_be_same
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.values import Const, Member, Ref
from nbtrain.notebook.training_models import made_event
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for cycle in facts.cycles:
        made = made_event(facts.story, cycle)
        if made is None or not cycle.models:
            continue
        moves = [event for event in facts.story.calls(".to", ".cuda") if _to_a_device(event)]
        moves += [e for e in facts.story.made("distributed") if "FullySharded" in e.data["path"]]
        for event in moves:
            owner = event.subject.owner if isinstance(event.subject, Member) else None
            given = getattr(event.subject, "args", [])[:1] if owner is None else [owner]
            # Elsewhere, in a trainer's constructor, it is a plain move of a finished model.
            after = made.at < event.at < cycle.step.at and (made.frames == event.frames or owner is None)
            if after and any(may_be_same(one, model) for one in given for model in cycle.models):
                yield Problem(
                    issue=f"The model is moved after `{cycle.name}` was made with its parameters",
                    current=f"optimizer on line {made.line}, model moved on line {event.line}",
                    recommended="move the model first",
                    evidence=(
                        f"`{cycle.name}` is made on line {made.line}, the model is moved on line {event.line}"
                    ),
                    line=event.line,
                    name=cycle.name,
                    fix="model.to(device)\noptimizer = ...",
                    severity=Severity.CRITICAL if owner is None else None,
                )
                break


def _to_a_device(event: Event) -> bool:
    if event.data["path"] == ".cuda":
        return True
    given = [*event.data["args"][:1], *[event.data["kwargs"].get("device")]]
    return any(
        one is not None and not _is_dtype(one) and not (isinstance(one, Const) and one.value == "cpu")
        for one in given
    )


def _is_dtype(value: object) -> bool:
    return isinstance(value, Ref) and value.path.startswith("torch.") and "device" not in value.path


RULE = Rule("optimizer-before-model-moved", Severity.WARNING, check)

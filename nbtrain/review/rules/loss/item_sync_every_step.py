"""Several numbers are read from the device in every step.

What it does
Counts `.item()`, `.cpu()`, `.numpy()`, `.tolist()` and `float(...)` on results of the training step in one
turn of its loop, without a condition. Three and more are a note; one or two for logging are not.

Why it hurts
Each of them waits until the device has finished all that was queued: the GPU runs dry between steps.

Bad
```python
import torch
from torch import nn

model = nn.Linear(8, 3).cuda()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    logits = model(x)
    loss = nn.functional.cross_entropy(logits, y)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    print(loss.item(), (logits.argmax(1) == y).sum().item(), logits.max().item())
```

Good
```python
import torch
from torch import nn

model = nn.Linear(8, 3).cuda()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for step, (x, y) in enumerate(train_loader):
    optimizer.zero_grad()
    logits = model(x)
    loss = nn.functional.cross_entropy(logits, y)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if step % 100 == 0:
        print(loss.item(), (logits.argmax(1) == y).sum().item(), logits.max().item())
```

When to ignore
Steps that take far longer than a wait, and trainings on the CPU.

Threshold: three reads a step is our own choice; PyTorch's performance tuning guide asks to avoid them.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

MOST = 2
READS = (".item", ".cpu", ".numpy", ".tolist")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    calls = facts.story.calls(*READS)
    for cycle in facts.cycles:
        if cycle.loop is None:
            continue
        reads = {
            (event.line, getattr(event.node, "col_offset", 0))
            for event in calls
            if event.loops == cycle.step.loops and cycle.always_with(event, cycle.backward)
        }
        if len({line for line, _ in reads}) and len(reads) > MOST:
            lines = sorted({line for line, _ in reads})
            yield Problem(
                issue=f"{len(reads)} numbers are read from the device in every step",
                current=f"lines {', '.join(map(str, lines))}",
                recommended="read them every 100 steps, or keep them on the device",
                evidence=(
                    f"{len(reads)} calls of .item() and its like without a condition, in the loop on "
                    f"line {cycle.loop.line}"
                ),
                line=lines[0],
                name=cycle.name,
                confidence=Confidence.POSSIBLE,
                fix="if step % 100 == 0:\n    print(loss.item())",
            )


RULE = Rule("item-sync-every-step", Severity.INFO, check)

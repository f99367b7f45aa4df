"""The parameters themselves are float16 and are updated in float16.

What it does
Looks for a trained model that was turned to half precision (`model.half()`, `.to(torch.float16)`, a hub model
loaded with `torch_dtype=torch.float16`), and at live models whose optimizer holds float16 parameters.
Autocast, which keeps the parameters in float32, is not meant. Models that only predict are left alone.

Why it hurts
float16 has 11 bits: an update smaller than about a two-thousandth of a weight is rounded away. At usual
learning rates most updates are, and Adam's second moment underflows to zero.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2).cuda().half()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x.half()), y)
    loss.backward()
    optimizer.step()
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2).cuda()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.bfloat16):
        loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
```

When to ignore
The optimizer keeps float32 copies of the weights itself (DeepSpeed, apex with master weights).

Source: Micikevicius et al., Mixed Precision Training (2018), section 3.1; 2^-11 is float16's rounding.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.story import Cycle, may_be_same
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.values import Const, Made, Member, Ref, Value
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    live = False
    for optimizer in facts.held.optimizers:
        half = [
            one
            for one in optimizer.tensors.values()
            if str(one.dtype) == "torch.float16" and one.requires_grad
        ]
        if half and type(optimizer.obj).__module__.startswith("torch.optim"):
            live = True
            yield _problem(
                f"`{optimizer.name}` updates float16 parameters", f"{len(half)} of "
                f"{len(optimizer.tensors)} tensors",
                None, optimizer.name, Confidence.CERTAIN,
            )  # fmt: skip
    if live:
        return
    for cycle in facts.cycles:
        if cycle.owner != "person" or not cycle.models:
            continue
        for event, model in _halved(facts):
            if any(may_be_same(model, one) for one in cycle.models) and not _turned_back(facts, cycle, event):
                yield _problem(
                    f"The model that `{cycle.name}` trains is turned to float16",
                    f"half precision on line {event.line}, trained on line {cycle.step.line}",
                    event.line, cycle.name, Confidence.LIKELY,
                )  # fmt: skip


def _halved(facts: ReviewFacts) -> Iterator[tuple[Event, Value]]:
    for event in facts.story.calls(".half", ".to"):
        given = [*event.data["args"], event.data["kwargs"].get("dtype")]
        halved = event.data["path"] == ".half" or any(_is_half(one) for one in given)
        if halved and isinstance(event.subject, Member):
            yield event, event.subject.owner
    for event in facts.story.made("pretrained", "transformer-model"):
        if isinstance(event.subject, Made):
            kinds = [event.subject.kwargs.get(name) for name in ("torch_dtype", "dtype")]
            if any(_is_half(one) for one in kinds):
                yield event, event.subject


def _is_half(value: Value | None) -> bool:
    text = value.path if isinstance(value, Ref) else value.value if isinstance(value, Const) else ""
    return text in ("torch.float16", "torch.half", "float16")


def _turned_back(facts: ReviewFacts, cycle: Cycle, event: Event) -> bool:
    later = [one for one in facts.story.calls(".float", ".to", ".bfloat16") if one.at > event.at]
    owners = [one for one in later if isinstance(one.subject, Member) and one.data["path"] != ".to"]
    return any(may_be_same(one.subject.owner, model) for one in owners for model in cycle.models)  # type: ignore[attr-defined]


def _problem(issue: str, evidence: str, line: int | None, name: str, confidence: Confidence) -> Problem:
    return Problem(
        issue=issue,
        current="float16 parameters",
        recommended="float32 parameters under torch.autocast",
        evidence=evidence,
        line=line,
        name=name,
        confidence=confidence,
        fix='model.float()\nwith torch.autocast("cuda", dtype=torch.bfloat16):\n    ...',
    )


RULE = Rule("pure-fp16-training", Severity.WARNING, check)

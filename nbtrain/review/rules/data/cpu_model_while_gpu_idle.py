"""The model trains on the CPU while a GPU is chosen or idle.

What it does
Looks at sources that pick a GPU (`torch.device("cuda")`, `torch.cuda.is_available()`) and move neither a
model nor a batch to it. Among live objects, looks at models with an optimizer whose parameters are on the
CPU while PyTorch sees a GPU.

Why it hurts
The training takes ten to a hundred times as long, and the GPU is paid for all the same.

Bad
```python
import torch
from torch import nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
```

Good
```python
import torch
from torch import nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = nn.Linear(10, 2).to(device)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    x, y = x.to(device), y.to(device)
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
```

When to ignore
The model is so small that moving batches takes longer than computing on the CPU.

Source: PyTorch's CUDA semantics: modules are made on the CPU and stay there until they are moved. Models
under 10,000 parameters are left alone, which is our own choice.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.devices import is_accelerator
from nbtrain.notebook.feeds import MOVES
from nbtrain.notebook.symbolic.values import Made, Obj
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

SMALL = 10_000


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    yield from _live(facts)
    chosen = [
        one
        for one in facts.story.calls("torch.device", "torch.cuda.is_available")
        if one.data["path"].endswith("is_available") or is_accelerator(next(iter(one.data["args"]), None))
    ]
    story = facts.story
    placed = story.calls(*MOVES) or story.calls("set_default_device", "set_default_tensor_type", "set_device")
    elsewhere = story.of("prepare") or story.of("escape") or story.made("distributed", "engine", "pretrained")
    used = any("device" in one.data["kwargs"] for one in story.of("call")) or any(
        "device" in one.data["kwargs"] for one in story.of("instance")
    )
    if not chosen or placed or elsewhere or used:
        return
    for cycle in facts.cycles[:1]:
        here = cycle.models and all(isinstance(one, Made | Obj) for one in cycle.models)
        if not here or cycle.owner != "person":
            continue  # the model of another cell may have been moved there
        yield Problem(
            issue="A GPU is chosen, and the training stays on the CPU",
            current="no .to(device) and no .cuda() in the source",
            recommended="model.to(device), and each batch as well",
            evidence=(
                f"the device is chosen on line {chosen[0].line}; neither a model nor a batch is moved to "
                "it"
            ),
            line=chosen[0].line,
            name=cycle.name,
            fix="model.to(device)",
        )


def _live(facts: ReviewFacts) -> Iterator[Problem]:
    torch = sys.modules.get("torch")
    if torch is None or not facts.held.optimizers or not torch.cuda.is_available():
        return
    for optimizer in facts.held.optimizers:
        for model in facts.held.models_of(optimizer)[:1]:
            tensors = [tensor for _, tensor in model.parameters.values()]
            if sum(one.numel() for one in tensors) >= SMALL and all(
                one.device.type == "cpu" for one in tensors
            ):
                yield Problem(
                    issue=f"`{model.name}` is on the CPU while PyTorch sees a GPU",
                    current="device cpu",
                    recommended="device cuda",
                    evidence=(
                        f"all {len(tensors)} parameter tensors of the live `{model.name}` are on the CPU"
                    ),
                    name=model.name,
                    confidence=Confidence.CERTAIN,
                    fix=f'{model.name}.to("cuda")',
                )


RULE = Rule("cpu-model-while-gpu-idle", Severity.WARNING, check)

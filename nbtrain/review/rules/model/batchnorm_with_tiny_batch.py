"""Batch normalisation over a handful of samples.

What it does
Looks at trainings with fewer than 8 samples a batch whose network holds batch normalisation: in the source,
in a torchvision model, or in a live model. Accumulating gradients does not help, for the statistics are
those of one batch; with accumulation it is a note from 3 samples on. Frozen networks and SyncBatchNorm are
left alone.

Why it hurts
Mean and variance of two images are noise: the training is unstable, and what eval mode uses (the running
averages) fits none of the batches. With one sample a layer may see no variance at all.

Bad
```python
import torch
from torch import nn
from torch.utils.data import DataLoader

model = nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_loader = DataLoader(train_data, batch_size=2, shuffle=True)
optimizer.zero_grad()
for i, (x, y) in enumerate(train_loader):
    loss = nn.functional.cross_entropy(model(x), y) / 16
    loss.backward()
    if (i + 1) % 16 == 0:
        optimizer.step()
        optimizer.zero_grad()
```

Good
```python
import torch
from torch import nn
from torch.utils.data import DataLoader

model = nn.Sequential(nn.Conv2d(3, 16, 3), nn.GroupNorm(4, 16), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_loader = DataLoader(train_data, batch_size=2, shuffle=True)
optimizer.zero_grad()
for i, (x, y) in enumerate(train_loader):
    loss = nn.functional.cross_entropy(model(x), y) / 16
    loss.backward()
    if (i + 1) % 16 == 0:
        optimizer.step()
        optimizer.zero_grad()
```

When to ignore
The layers are kept in eval mode with pretrained statistics.

Threshold: 8 samples is torch-audit's rule TA304; Wu and He, "Group Normalization" (2018), show the error
rise below 8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.facts import LoaderFact
from nbtrain.notebook.symbolic.library import tail_of
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule, is_live
from nbtrain.review.words import described, shown

SMALLEST, HOPELESS = 8, 2
WITH_BATCH_NORM = re.compile(
    r"models\.(segmentation\.)?(resnet|resnext|wide_resnet|densenet|mobilenet|efficientnet|regnet|inception|"
    r"googlenet|vgg\d+_bn|shufflenet|mnasnet|deeplab|fcn_|lraspp)"
)


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    layer = _layer(facts)
    if not layer or facts.story.of("freeze") or facts.story.calls("convert_sync_batchnorm"):
        return
    judged: set[int] = set()
    for training in facts.trainings:
        loader = training.batch
        if (
            loader is None
            or not training.looped
            or not _tiny(loader)
            or id(loader.call or loader.name) in judged
        ):
            continue
        judged.add(id(loader.call or loader.name))
        mild = training.accumulates and loader.batch_size.high > HOPELESS
        yield _problem(loader, layer, Severity.INFO if mild else Severity.WARNING)
    if facts.only_live and facts.optimizers:
        for loader in facts.loaders:
            if loader.role == "train" and _tiny(loader):
                yield _problem(loader, layer, Severity.WARNING)


def _layer(facts: ReviewFacts) -> str:
    for event in facts.story.made("norm", "torchvision-model"):
        tail = tail_of(event.data["path"])
        if tail.startswith("BatchNorm") or WITH_BATCH_NORM.search(event.data["path"]):
            return f"{tail} on line {event.line}"
    for model in facts.held.models:
        if held := model.layers("_BatchNorm"):
            return f"{type(held[0]).__name__} in the live `{model.name}`"
    return ""


def _tiny(loader: LoaderFact) -> bool:
    return loader.batch_size.known and 0 < loader.batch_size.high < SMALLEST


def _problem(loader: LoaderFact, layer: str, severity: Severity) -> Problem:
    return Problem(
        issue=f"Batch normalisation gets only {shown(loader.batch_size)} samples from {described(loader)}",
        current=f"batch_size={shown(loader.batch_size)}",
        recommended="GroupNorm or LayerNorm, or 16 samples and more",
        evidence=f"{layer}; {shown(loader.batch_size)} samples a batch, under {SMALLEST}",
        line=loader.line,
        name=loader.name,
        confidence=is_live(loader.live),
        fix="nn.GroupNorm(num_groups, channels)",
        severity=severity,
    )


RULE = Rule("batchnorm-with-tiny-batch", Severity.WARNING, check)

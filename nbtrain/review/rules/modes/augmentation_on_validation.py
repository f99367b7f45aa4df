"""Validation data pass through random augmentation.

What it does
Looks for a loader for validation or test whose data set has random transforms: given to it directly, or
shared because one augmented data set was split in two. Transforms that are set anew after the split are
noticed.

Why it hurts
The score is that of distorted images, lower and noisy: epochs are compared on different data.

Bad
```python
from torch.utils.data import DataLoader, random_split
from torchvision import datasets, transforms

augment = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()])
data = datasets.ImageFolder("images", transform=augment)
train_data, val_data = random_split(data, [0.9, 0.1])
train_loader = DataLoader(train_data, batch_size=64, shuffle=True)
val_loader = DataLoader(val_data, batch_size=64)
```

Good
```python
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

augment = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()])
train_data = datasets.ImageFolder("images/train", transform=augment)
val_data = datasets.ImageFolder("images/val", transform=transforms.ToTensor())
train_loader = DataLoader(train_data, batch_size=64, shuffle=True)
val_loader = DataLoader(val_data, batch_size=64)
```

When to ignore
Test-time augmentation, where several predictions of one image are averaged.

Source: seen in udacity/deep-learning-v2-pytorch issue 132; common practice of torchvision's references.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.evaluation import names_evaluation
from nbtrain.notebook.feeds import Feed, feeds
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.provenance import COUNTS, behind
from nbtrain.notebook.symbolic.values import Func, Made, Obj, Ref, Term, Value
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

RANDOM = re.compile(
    r"(?:torchaudio\.transforms\.(?:FrequencyMasking|TimeMasking|SpecAugment)$)|(transforms\.|transforms\.v2\.|albumentations\.|kornia\.augmentation\.)"
    r"(Random\w+|AutoAugment|RandAugment|TrivialAugmentWide|AugMix|ColorJitter|GaussianBlur|HorizontalFlip|VerticalFlip|"
    r"ShiftScaleRotate|CoarseDropout|RandomBrightnessContrast|Rotate|MixUp|CutMix)$"
)
# Random by name, but used to prepare fixed inputs as well.
EXCUSED = ("RandomCrop3D",)


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    changed = any(_set_later(event) for event in facts.story.of("set"))
    for feed in feeds(facts.story):
        event, data = feed.made, feed.data
        name = feed.name or "the validation loader"
        if changed or not (feed.judges or names_evaluation(feed.name) or _judges_by_use(facts, feed)):
            continue
        found = _random(data) if data is not None else ""
        collate = feed.value.kwargs.get("collate_fn")
        found = found or (_random(collate) if collate is not None else "")
        if found:
            yield Problem(
                issue=f"`{name}` gives randomly augmented data",
                current=f"{found} in the data set of `{name}`",
                recommended="a data set of its own with fixed transforms",
                evidence=f"`{name}` on line {event.line} reads a data set whose transforms hold {found}",
                line=event.line,
                name=feed.name,
                fix="val_data = Dataset(..., transform=plain_transforms)",
            )


def _judges_by_use(facts: ReviewFacts, feed: Feed) -> bool:
    """No training reads it, and a loss without a graph is taken over it."""
    if feed.trains or "tta" in facts.words.lower():
        return False
    passes = [one for one in facts.story.passes if one.quiet and one.loop is not None and one.of("loss")]
    return any(one.loop is not None and one.loop.iterable is feed.value for one in passes)


def _set_later(event: Event) -> bool:
    """A data set gets other transforms after it was made: not `self.transform = ...` of its own class."""
    targets = getattr(event.node, "targets", [])
    own = any(f"self.{event.data['attr']}" in ast.unparse(one) for one in targets)
    return event.data["attr"] in ("transform", "transforms") and not own


def _random(data: Value) -> str:
    """The random transform nearest to a data set, or ""."""
    waiting, seen = [data], set()
    while waiting:
        one = waiting.pop(0)
        for part, _ in behind(one, past=COUNTS):
            if id(part) in seen:
                continue
            seen.add(id(part))
            path = (
                part.op.path
                if isinstance(part, Term) and part.op
                else part.path
                if isinstance(part, Made | Ref)
                else ""
            )
            if RANDOM.search(path) and not path.endswith(EXCUSED):
                return path.rpartition(".")[2]
            if isinstance(part, Made):
                waiting.extend([*part.args, *part.kwargs.values()])
            elif isinstance(part, Func) and part.scope.parent is not None:
                waiting.extend(_read_from_around(part))
            elif isinstance(part, Obj):
                waiting.extend(part.attrs.values())
    return ""


def _read_from_around(func: Func) -> list[Value]:
    """What a function inside another one reads of it."""
    read = {one.id for one in ast.walk(func.node) if isinstance(one, ast.Name)}
    return [held for name, held in func.scope.names.items() if name in read]


RULE = Rule("augmentation-on-validation", Severity.WARNING, check)

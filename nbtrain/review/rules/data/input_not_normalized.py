"""The inputs reach the network on their raw scale.

What it does
Looks for images whose bytes (0 to 255) become floats without being scaled: `.data.float()` of a torchvision
data set, arrays of uint8, images read with PIL or OpenCV, `PILToTensor` without a scaling transform; and
for the tables of scikit-learn whose columns differ by orders of magnitude. Any division, normalising
transform, scaler, or normalisation layer at the input in the source is taken as the scaling. Among live
objects, looks at the first tensors of the training loader's TensorDataset: values beyond 50 in size.

Why it hurts
Gradients of the first layer grow with the inputs: usual learning rates overshoot, and large columns drown
the others.

Bad
```python
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision import datasets

mnist = datasets.MNIST("data", train=True)
images = mnist.data.float().flatten(1)
train_loader = DataLoader(TensorDataset(images, mnist.targets), batch_size=64, shuffle=True)
model = nn.Linear(784, 10)
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
from torch.utils.data import DataLoader, TensorDataset
from torchvision import datasets

mnist = datasets.MNIST("data", train=True)
images = mnist.data.float().flatten(1) / 255
train_loader = DataLoader(TensorDataset(images, mnist.targets), batch_size=64, shuffle=True)
model = nn.Linear(784, 10)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
```

When to ignore
The first layer normalises, or the inputs are indices.

Threshold: 50 is torch-audit's rule TA301; below it standardised data with outliers would be named.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.feeds import path_behind, words_in
from nbtrain.notebook.live import is_a
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.values import Const, Member, Ref, Term
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

LIMIT = 50.0
LOOKED_AT = 64
# What brings inputs to scale, by word anywhere in the source.
SCALES = re.compile(
    r"normali|standardi|(?:Standard|MinMax|Robust|MaxAbs|Power)Scaler|class \w*Scaler|"
    r"scaler\.(?:fit|transform|inverse)|scale\s*=\s*True|to_tensor|ToTensor\b|ConvertImageDtype|"
    r"convert_image_dtype|"
    r"Processor|FeatureExtractor|rescale|\b255|127\.5|InstanceNorm|get_transform|weights\.transforms|"
    r"\.std\(|zscore|log1p|quantile|MinMax|whiten|preprocess|from_pretrained|load_transform|Embedding",
    re.I,
)
# Tables whose columns range over more than three orders of magnitude.
WIDE_TABLES = (
    "fetch_california_housing",
    "load_wine",
    "load_breast_cancer",
    "fetch_covtype",
    "fetch_kddcup99",
)
IMAGE_READERS = (
    "cv2.imread",
    "PIL.Image.open",
    "imageio.imread",
    "skimage.io.imread",
    "torchvision.io.read_image",
)


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    yield from _live(facts)
    if facts.source is None or not facts.trainings:
        return
    found = _raw_transform(facts)
    if found is None and not SCALES.search(facts.words) and not _norm_first(facts):
        found = _pixels(facts) or _tables(facts) or _openml(facts)
    if found is not None:
        event, what = found
        yield Problem(
            issue="The network gets its inputs on their raw scale",
            current=what,
            recommended="scale them to about 0 to 1, or to mean 0 and deviation 1",
            evidence=(
                f"{what} on line {event.line}; nothing in the source divides, normalises or standardises"
            ),
            line=event.line,
            name=facts.story.name_of(event.data["result"])
            if isinstance(event.data.get("result"), Term)
            else "",
            fix="x = x / 255" if "255" in what else "x = StandardScaler().fit_transform(x)",
        )


def _norm_first(facts: ReviewFacts) -> bool:
    """A normalisation layer is the first of some network."""
    for event in facts.story.made("module"):
        first = next(iter(event.subject.args), None) if event.data["path"].endswith("Sequential") else None
        if "Norm" in getattr(first, "path", ""):
            return True
    return any(
        next(iter(one.layers), ("", None))[1] is not None and "Norm" in one.layers[0][1].path
        for one in facts.story.models
    )


def _raw_transform(facts: ReviewFacts) -> tuple[Event, str] | None:
    """Transforms that give bytes as they are: PILToTensor with nothing in its list that scales."""
    if re.search(r"\b255|127\.5|Processor", facts.words):
        return None
    for event in facts.story.calls("Compose"):
        given = [
            path_behind(one).rpartition(".")[2] for value in event.data["args"] for one, _ in behind(value)
        ]
        scales = [
            one for one in given if re.search(r"Normalize|ToTensor$|ToDtype|Convert|Lambda|Standard", one)
        ]
        if "PILToTensor" in given and scales in ([], ["PILToTensor"]):
            return event, "bytes from 0 to 255 as floats"
    return None


def _pixels(facts: ReviewFacts) -> tuple[Event, str] | None:
    floats = facts.story.calls(".float", ".type", ".astype", ".to", ".double", "FloatTensor")
    for event in floats:
        owner = event.subject.owner if isinstance(event.subject, Member) else None
        if _dataset_data(owner):
            return event, "bytes from 0 to 255 as floats"
    reads = facts.story.calls(*IMAGE_READERS)
    uint8 = [one for one in facts.story.calls("numpy.frombuffer", "numpy.fromfile") if _asks_uint8(one)]
    raw = facts.story.calls("PILToTensor", "pil_to_tensor")
    for event in [*uint8, *reads, *raw]:
        if floats or event in reads:
            return event, "bytes from 0 to 255 as floats"
    return None


def _dataset_data(owner: Any) -> bool:
    """`dataset.data` of a torchvision data set."""
    while isinstance(owner, Term) and owner.op is not None and owner.op.inputs:
        owner = owner.op.inputs[0]
    if not (isinstance(owner, Member) and owner.attr in ("data", "train_data", "images")):
        return False
    inner = owner.owner
    return isinstance(inner, Term) and inner.op is not None and "torchvision.datasets" in inner.op.path


def _asks_uint8(event: Event) -> bool:
    given = [*event.data["args"], *event.data["kwargs"].values()]
    return any(
        isinstance(one, Ref) and one.path.endswith("uint8") for one in given
    ) or "uint8" in ast.unparse(event.node)


def _tables(facts: ReviewFacts) -> tuple[Event, str] | None:
    for event in facts.story.calls(*WIDE_TABLES):
        return (
            event,
            f"columns of {event.data['path'].rpartition('.')[2]}, which differ by orders of magnitude",
        )
    return None


def _openml(facts: ReviewFacts) -> tuple[Event, str] | None:
    """Images that scikit-learn fetches as bytes: `fetch_openml("mnist_784")`."""
    for event in facts.story.calls("fetch_openml"):
        texts = [one.value for one in event.data["args"] if isinstance(one, Const)]
        if any(isinstance(one, str) and re.search(r"mnist|cifar|svhn", one, re.I) for one in texts):
            return event, "bytes from 0 to 255 as floats"
    return None


def _live(facts: ReviewFacts) -> Iterator[Problem]:
    for name, loader in facts.held.loaders:
        data = vars(loader).get("dataset")
        if not is_a(data, "torch.utils.data.TensorDataset") or not words_in(name) - {"val", "test"}:
            continue
        first = next(iter(vars(data).get("tensors", ())), None)
        if first is None or not first.is_floating_point() or not len(first):
            continue
        largest = float(first[:LOOKED_AT].detach().abs().max())
        if largest > LIMIT:
            yield Problem(
                issue=f"`{name}` gives inputs on their raw scale",
                current=f"values up to {largest:g}",
                recommended="scale them to about 0 to 1, or to mean 0 and deviation 1",
                evidence=(
                    f"the first {min(len(first), LOOKED_AT)} samples of the live data set reach "
                    f"{largest:g}; over {LIMIT:g} is too much"
                ),
                name=name,
                confidence=Confidence.CERTAIN,
                fix="x = (x - x.mean(0)) / x.std(0)",
            )


RULE = Rule("input-not-normalized", Severity.WARNING, check)

"""The last batch of an epoch holds a single sample, and batch normalisation cannot train on one.

What it does
Takes the number of samples of a training loader, where it is known from the tensors in the source or from
the live data set, and its batch size. A remainder of one without `drop_last`, in front of a network with
BatchNorm1d, is critical; with other batch normalisation it is a warning.

Why it hurts
"Expected more than 1 value per channel when training", at the end of the first epoch, after everything else
worked. Layers that also average over space do not fail, and take the statistics of one sample.

Bad
```python
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x, y = torch.randn(1025, 10), torch.randint(0, 2, (1025,))
model = nn.Sequential(nn.Linear(10, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
for inputs, targets in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(inputs), targets).backward()
    optimizer.step()
```

Good
```python
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x, y = torch.randn(1025, 10), torch.randint(0, 2, (1025,))
model = nn.Sequential(nn.Linear(10, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True, drop_last=True)
for inputs, targets in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(inputs), targets).backward()
    optimizer.step()
```

When to ignore
The layers are kept in eval mode.

Source: torch.nn.functional.batch_norm raises for one value per channel in train mode.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.feeds import feeds, surely_off, words_in
from nbtrain.notebook.live import loader_facts
from nbtrain.notebook.source_values import argument
from nbtrain.notebook.symbolic.library import tail_of
from nbtrain.notebook.symbolic.values import Const, Made, Seq, Term, Value
from nbtrain.review.edits import Edit, add_keyword
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

SIZED = frozenset(
    ["torch.randn", "torch.rand", "torch.zeros", "torch.ones", "torch.empty", "torch.randint", "torch.full",
     "numpy.zeros", "numpy.ones", "numpy.random.rand", "numpy.random.randn"]
)  # fmt: skip
KEEPS_LENGTH = frozenset(
    [".float", ".long", ".to", ".unsqueeze", ".squeeze", ".clone", "torch.tensor", "torch.from_numpy",
     ".double",
     "torch.as_tensor", ".astype", "+", "-", "*", "/"]
)  # fmt: skip


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    norm = _norm(facts)
    if not norm:
        return
    for feed in feeds(facts.story):
        size = feed.argument("batch_size")
        count = samples_in(feed.data)
        known = isinstance(size, Const) and isinstance(size.value, int) and size.value > 1
        dropped = (
            not surely_off(argument(feed.value, "drop_last", 8)) or feed.argument("batch_sampler") is not None
        )
        if feed.trains and known and count is not None and not dropped and count % size.value == 1:  # type: ignore[union-attr]
            edits = add_keyword(feed.value.node, "drop_last=True")
            yield _problem(feed.name, count, size.value, norm, feed.made.line, edits)  # type: ignore[union-attr]
    for name, loader in facts.held.loaders:
        fact, held = loader_facts(name, loader), vars(loader)
        size, trains = held.get("batch_size"), "train" in words_in(name) or len(facts.held.loaders) == 1
        if (
            fact is None
            or fact.samples is None
            or not isinstance(size, int)
            or size < 2
            or held.get("drop_last")
        ):
            continue
        if trains and fact.samples % size == 1:
            yield _problem(name, fact.samples, size, norm, None, ())


def _norm(facts: ReviewFacts) -> str:
    """The batch normalisation that suffers most: BatchNorm1d before others, "" without any."""
    kinds = [tail_of(event.data["path"]) for event in facts.story.made("norm")]
    kinds += [type(one).__name__ for model in facts.held.models for one in model.layers("_BatchNorm")]
    found = [one for one in kinds if one.startswith("BatchNorm")]
    return "BatchNorm1d" if "BatchNorm1d" in found else found[0] if found else ""


def samples_in(data: Value | None) -> int | None:
    """How many samples a TensorDataset of the source has, where its tensors are made with known sizes."""
    if isinstance(data, Made) and tail_of(data.path) == "TensorDataset" and data.args:
        return _rows(data.args[0])
    op = data.op if isinstance(data, Term) else None
    split = op.inputs[0].op if op is not None and op.path == "[]" and isinstance(op.inputs[0], Term) else None
    if op is not None and split is not None and split.path.endswith("random_split") and len(split.inputs) > 1:
        part = item(split.inputs[1], op.inputs[1])
        return part.value if isinstance(part, Const) and isinstance(part.value, int) else None
    return None


def item(parts: Value, key: Value) -> Value | None:
    """The element of a list at a known place."""
    at = key.value if isinstance(key, Const) and isinstance(key.value, int) else -1
    return parts.items[at] if isinstance(parts, Seq) and 0 <= at < len(parts.items) else None


def _rows(value: Value) -> int | None:
    for _ in range(20):
        op = value.op if isinstance(value, Term) else None
        if op is None or not op.inputs:
            return None
        if op.path in SIZED:
            at = next((i for i, one in enumerate(op.inputs) if isinstance(one, Seq)), 0)
            first = op.inputs[at].items[0] if isinstance(op.inputs[at], Seq) else op.inputs[0]  # type: ignore[attr-defined]
            return first.value if isinstance(first, Const) and isinstance(first.value, int) else None
        cut = getattr(op.node, "slice", None) if op.path == "[]" else None
        if isinstance(cut, ast.Slice):
            return _left(cut, op.inputs[1], _rows(op.inputs[0]))
        if op.path not in KEEPS_LENGTH:
            return None
        value = op.inputs[0]
    return None


def _left(cut: ast.Slice, key: Value, rows: int | None) -> int | None:
    """How many of so many rows `x[a:b]` leaves."""
    given = list(key.op.inputs) if isinstance(key, Term) and key.op is not None else []
    numbers = [one.value for one in given if isinstance(one, Const) and isinstance(one.value, int)]
    wanted = [one for one in (cut.lower, cut.upper) if one is not None]
    if rows is None or cut.step is not None or len(numbers) != len(wanted):
        return None
    lower = numbers[0] if cut.lower is not None else None
    upper = numbers[-1] if cut.upper is not None else None
    return len(range(rows)[lower:upper])


def _problem(
    name: str, count: int, size: int, norm: str, line: int | None, edits: tuple[Edit, ...]
) -> Problem:
    fails = norm == "BatchNorm1d"
    shown = f"`{name}`" if name else "the training loader"
    return Problem(
        issue=f"The last batch of {shown} holds one sample" + (f", on which {norm} fails" if fails else ""),
        current=f"{count} samples in batches of {size}: {count // size} full ones and one of 1",
        recommended="drop_last=True",
        evidence=f"{count} % {size} = 1, drop_last is off, and the network holds {norm}",
        line=line,
        name=name,
        confidence=Confidence.CERTAIN if line is None else Confidence.LIKELY,
        fix="drop_last=True",
        edits=edits,
        severity=None if fails else Severity.WARNING,
    )


RULE = Rule("last-batch-of-one-with-batchnorm", Severity.CRITICAL, check)

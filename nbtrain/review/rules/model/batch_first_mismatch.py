"""A recurrent or attention layer takes the batch for the time, or the time for the batch.

What it does
Looks at RNN, LSTM, GRU and Transformer layers of the source: what they are given and how their output is
read. With `batch_first=False`, an input whose batch surely comes first (a convolution's output turned by
`transpose(1, 2)`, a slice `[:, start:end]` along time, an embedding of batches stacked by the default
collate), or an output read as `out[:, -1]` or averaged over dimension 1, is reported; with
`batch_first=True`, an output read as `out[-1]`.

Why it hurts
The layer runs along the batch: samples see each other, time does not. Shapes fit, the loss falls a little,
and nothing fails.

Bad
```python
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(16, 32)
        self.head = nn.Linear(32, 2)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.head(out[:, -1])
```

Good
```python
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(16, 32, batch_first=True)
        self.head = nn.Linear(32, 2)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.head(out[:, -1])
```

When to ignore
The output really is read for one sample of the batch.

Source: PyTorch's documentation of nn.LSTM and nn.TransformerEncoderLayer: batch_first is False by default.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from nbtrain.findings import Severity
from nbtrain.notebook.feeds import unwrapped
from nbtrain.notebook.source_values import argument
from nbtrain.notebook.story import Story
from nbtrain.notebook.symbolic.library import tail_of
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.roles import kind_of
from nbtrain.notebook.symbolic.values import Const, Made, Op, Seq, Term, Value, options
from nbtrain.review.edits import Edit, add_keyword
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

TURNS = frozenset(
    [
        ".transpose",
        ".permute",
        "torch.transpose",
        "torch.permute",
        ".swapaxes",
        "einops.rearrange",
        ".mT",
        ".movedim",
    ]
)
SAME_LAYOUT = frozenset(
    [".to", ".cuda", ".float", ".contiguous", ".clone", ".detach", ".long", "+", "*", ".dropout"]
)
POOLS = frozenset([".mean", "torch.mean", ".max", "torch.max", ".amax", ".sum"])
SEQUENTIAL = frozenset(
    ["RNN", "LSTM", "GRU", "TransformerEncoder", "TransformerEncoderLayer", "MultiheadAttention"]
)


@dataclass(frozen=True)
class _Clue:
    """What shows the layout. `batch_first`: what it shows."""

    batch_first: bool
    text: str


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    said: set[int] = set()
    for event in facts.story.of("forward"):
        layer = event.subject
        if not isinstance(layer, Made) or tail_of(layer.path) not in SEQUENTIAL or id(layer) in said:
            continue
        setting = _setting(layer)
        if setting is None:
            continue
        made, batch_first = setting
        clues = [*_of_input(facts.story, event), *_of_output(facts.story, event)]
        wrong = [one for one in clues if one.batch_first != batch_first]
        if wrong and len(wrong) == len(clues):
            said.add(id(layer))
            yield _problem(facts, layer, made, batch_first, wrong[0], event)


def _setting(layer: Made) -> tuple[Made, bool] | None:
    """The layer that holds batch_first, and its value; None where it is not known."""
    if tail_of(layer.path) == "TransformerEncoder":
        inner = argument(layer, "encoder_layer", 0)
        layer = inner if isinstance(inner, Made) else layer
        if not isinstance(inner, Made):
            return None
    held = layer.kwargs.get("batch_first")
    if held is None:
        return (layer, False) if layer.complete else None
    return (layer, bool(held.value)) if isinstance(held, Const) else None


def _of_input(story: Story, event: Event) -> Iterator[_Clue]:
    value = next(iter(event.data["args"]), None)
    while isinstance(value, Term) and value.op is not None and value.op.inputs:
        op = value.op
        if op.path in TURNS:
            if _swaps(op) == {1, 2} and _from_convolution(op.inputs[0]):
                yield _Clue(
                    True,
                    "its input is a convolution's output turned to (batch, time, channels) on line "
                    f"{_line(op)}",
                )
            return
        if (
            op.path == "call"
            and isinstance(op.inputs[0], Made)
            and tail_of(op.inputs[0].path) in ("Embedding", "Linear", "LayerNorm", "Dropout")
        ):
            value = op.inputs[1] if len(op.inputs) > 1 else None
        elif op.path in SAME_LAYOUT:
            value = op.inputs[0]
        elif op.path == "torch.cat" and _joins_tokens(op):
            yield _Clue(True, f"tokens are joined along dimension 1 on line {_line(op)}")
            return
        elif op.path == "[]" and _time_slice(op):
            yield _Clue(
                True,
                f"its input is cut along time as `{ast.unparse(op.node)}`"
                if op.node is not None
                else "cut along time",
            )
            return
        else:
            if op.path == "batch" and _stacked(op) and _is_embedded(event):
                yield _Clue(
                    True, "its input is an embedded batch, which the DataLoader stacks along dimension 0"
                )
            return


def _line(op: Op) -> int:
    return getattr(op.node, "lineno", 0)


def _swaps(op: Op) -> set[object]:
    given = [one.value for one in [*op.inputs[1:], *op.kwargs.values()] if isinstance(one, Const)]
    if not given and len(op.inputs) > 1 and isinstance(op.inputs[1], Seq):
        given = [getattr(one, "value", None) for one in op.inputs[1].items]
    if given == [0, 2, 1]:
        return {1, 2}
    return {2 if one == -1 else 1 if one == -2 else one for one in given}


def _from_convolution(value: Value) -> bool:
    """The value is what a convolution gave (batch, channels, ...), perhaps flattened over space."""
    for one, _ in behind(value):
        op = one.op if isinstance(one, Term) else None
        if op is None:
            continue
        if op.path in TURNS:
            return False
        if op.path == "call" and op.inputs and isinstance(op.inputs[0], Made):
            parts = [op.inputs[0], *op.inputs[0].args]
            if any(isinstance(part, Made) and tail_of(part.path).startswith("Conv") for part in parts):
                return True
    return False


def _joins_tokens(op: Op) -> bool:
    dim = op.kwargs.get("dim") or (op.inputs[1] if len(op.inputs) > 1 else None)
    first = op.inputs[0].items[0] if isinstance(op.inputs[0], Seq) and op.inputs[0].items else None
    expands = (
        isinstance(first, Term)
        and first.op is not None
        and first.op.path in (".expand", ".repeat", "einops.repeat")
    )
    return expands and isinstance(dim, Const) and dim.value == 1


def _time_slice(op: Op) -> bool:
    """`x[:, a:b]`: everything of the batch, a range along the second dimension."""
    index = getattr(op.node, "slice", None)
    if not isinstance(index, ast.Tuple) or len(index.elts) != 2:
        return False
    first, second = index.elts
    whole = isinstance(first, ast.Slice) and first.lower is None and first.upper is None
    return whole and isinstance(second, ast.Slice) and second.lower is not None and second.upper is not None


def _stacked(op: Op) -> bool:
    loaders = [one for one in unwrapped(op.inputs[0]) if isinstance(one, Made) and kind_of(one) == "loader"]
    return bool(loaders) and all(one.complete and argument(one, "collate_fn", 6) is None for one in loaders)


def _is_embedded(event: Event) -> bool:
    return any(
        isinstance(one, Term)
        and one.op is not None
        and one.op.path == "call"
        and getattr(one.op.inputs[0], "path", "").endswith("Embedding")
        for value in event.data["args"][:1]
        for one, _ in behind(value)
    )


def _of_output(story: Story, event: Event) -> Iterator[_Clue]:
    """How what the layer gave is read: an index, or a mean over a dimension."""
    for op in _uses(story, event):
        index = getattr(op.node, "slice", None) if op.path == "[]" else None
        if isinstance(index, ast.Tuple) and len(index.elts) in (2, 3):
            first, second = index.elts[:2]
            whole = isinstance(first, ast.Slice) and first.lower is None and first.upper is None
            if whole and not isinstance(second, ast.Slice) and _is_number(second):
                yield _Clue(True, f"its output is read as `{ast.unparse(op.node)[:50]}`")  # type: ignore[arg-type]
        elif index is not None and _is_number(index) and ast.unparse(index) == "-1":
            yield _Clue(False, f"its output is read as `{ast.unparse(op.node)[:50]}`")  # type: ignore[arg-type]
        elif op.path in POOLS:
            dim = op.kwargs.get("dim") or (op.inputs[1] if len(op.inputs) > 1 else None)
            if isinstance(dim, Const) and dim.value == 1 and not isinstance(dim.value, bool):
                yield _Clue(True, f"its output is averaged over dimension 1 on line {_line(op)}")


def _is_number(node: ast.AST) -> bool:
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(inner, ast.Constant) and isinstance(inner.value, int)


def _uses(story: Story, event: Event) -> Iterator[Op]:
    """The operations that directly read the sequence that this call gave."""
    seen: set[int] = set()
    for value in _everything(story):
        for one in options(value):
            op = one.op if isinstance(one, Term) else None
            if op is None or id(op) in seen or not op.inputs:
                continue
            seen.add(id(op))
            if _is_sequence_of(op.inputs[0], event):
                yield op


def _is_sequence_of(value: Value, event: Event) -> bool:
    """The value is the output of the call: of a recurrent layer the first of its two results."""
    recurrent = tail_of(event.subject.path) in ("RNN", "LSTM", "GRU")  # type: ignore[attr-defined]
    op = value.op if isinstance(value, Term) else None
    if recurrent and op is not None and op.path == "[]":
        first = isinstance(op.inputs[1], Const) and op.inputs[1].value == 0
        inner = op.inputs[0].op if first and isinstance(op.inputs[0], Term) else None
        return inner is not None and inner.node is event.node
    return not recurrent and op is not None and op.path == "call" and op.node is event.node


def _everything(story: Story) -> Iterator[Value]:
    """Everything that was read of values inside networks: what calls got and what they were made from."""
    seen: set[int] = set()
    for event in story.of("forward"):
        for given in event.data["args"]:
            for one, _ in behind(given):
                if id(one) not in seen:
                    seen.add(id(one))
                    yield one
    for kind in ("loss", "backward"):
        for event in story.of(kind):
            for given in [event.subject, *event.data.get("args", [])]:
                for one, _ in behind(given):
                    if id(one) not in seen:
                        seen.add(id(one))
                        yield one


def _problem(
    facts: ReviewFacts, layer: Made, made: Made, batch_first: bool, clue: _Clue, event: Event
) -> Problem:
    name = facts.story.name_of(layer) or tail_of(layer.path)
    return Problem(
        issue=f"`{name}` takes the {'time for the batch' if batch_first else 'batch for the time'}",
        current=f"batch_first={batch_first}" + ("" if "batch_first" in made.kwargs else ", the default"),
        recommended=f"batch_first={not batch_first}",
        evidence=f"`{name}` runs on line {event.line}; {clue.text}",
        line=made.node.lineno,
        name=name,
        fix=f"batch_first={not batch_first}" if not batch_first else f"{name.rpartition('.')[2]}_out[:, -1]",
        edits=_edits(made, batch_first),
    )


def _edits(made: Made, batch_first: bool) -> tuple[Edit, ...]:
    return () if batch_first or "batch_first" in made.kwargs else add_keyword(made.node, "batch_first=True")


RULE = Rule("batch-first-mismatch", Severity.CRITICAL, check)

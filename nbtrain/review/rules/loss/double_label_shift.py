"""Labels are shifted by one token for a model that shifts them itself.

What it does
Looks at causal language models of transformers that get `labels` cut off at the front (`ids[:, 1:]`): they
compare each position with the next label themselves. Also at losses whose targets are shifted twice in the
source.

Why it hurts
The model learns to predict the token after the next one. The loss falls all the same, only not as far.

Bad
```python
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("gpt2")
for ids in train_loader:
    loss = model(ids[:, :-1], labels=ids[:, 1:]).loss
```

Good
```python
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("gpt2")
for ids in train_loader:
    loss = model(ids, labels=ids).loss
```

When to ignore
A model class of one's own that does not shift.

Source: transformers' documentation of `labels` ("shifted inside the model"); trainproof's catalogue.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.feeds import unwrapped
from nbtrain.notebook.losses_read import LossCall, loss_calls
from nbtrain.notebook.shapes_read import whole_of
from nbtrain.notebook.source_values import argument
from nbtrain.notebook.symbolic.calls import class_attribute
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.values import Const, Func, Made, Obj, Op, Term, Value
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

CAUSAL = re.compile(r"CausalLM|LMHeadModel|GPT2LM|LlamaFor|MistralFor")
NEXT = re.compile(r"^\w+ \+ 1:|, \w+ \+ 1:")
FRONT_OFF = re.compile(r"^(\.\.\., ?|:, ?)?1:(, ?:)?$")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for event in facts.story.of("forward"):
        labels = event.data["kwargs"].get("labels")
        model = event.subject
        causal = isinstance(model, Made) and CAUSAL.search(model.path)
        if causal and labels is not None and shifts(labels) == 1:
            yield _problem(event.line, "the model shifts labels itself", "labels=ids[:, 1:]", "labels=ids")
    if any(
        CAUSAL.search(event.data["path"]) for event in facts.story.made("pretrained", "transformer-model")
    ):
        for event in facts.story.of("set-item"):
            key, value = event.data["key"], event.data["value"]
            if isinstance(key, Const) and key.value == "labels" and shifts(value) == 1:
                yield _problem(
                    event.line, "the model shifts labels itself", "labels = ids[1:]", "labels = ids"
                )
    for loss in loss_calls(facts.story):
        if loss.target is None or loss.kind != "cross-entropy":
            continue
        aligned = loss.input is not None and shifts(loss.input) > 0
        aligned = aligned or _looks_further(facts, loss)
        if shifts(loss.target) == 1 and not aligned and _already_next(loss.target):
            why = "the data set already gives the next tokens"
            yield _problem(loss.line, why, "targets[:, 1:]", "targets")
        elif shifts(loss.target) > 1:
            yield _problem(
                loss.line,
                "the targets are cut off at the front twice",
                "targets[:, 1:][:, 1:]",
                "targets[:, 1:]",
            )


def shifts(value: Value) -> int:
    """How often a value was cut off at the front: `x[:, 1:]`."""
    count = 0
    for one, _ in behind(value):
        op = one.op if isinstance(one, Term) else None
        if op is None or op.path == "call":
            continue
        if op.path == "batch":
            break
        node = op.node
        if (
            op.path == "[]"
            and isinstance(node, ast.Subscript)
            and FRONT_OFF.match(ast.unparse(node.slice).strip("()"))
        ):
            count += 1
    return count


def is_next(value: Value) -> bool:
    """Whether a value is a window that starts one further on: `data[i + 1 : i + 1 + length]`."""
    slices = [one.op.node.slice for one, _ in behind(value) if isinstance(one, Term) and _is_slice(one)]  # type: ignore[union-attr]
    found = any(NEXT.search(ast.unparse(one).strip("()")) for one in slices)
    return found or any(gives_next(one) for one, _ in behind(value))


def _looks_further(facts: ReviewFacts, loss: LossCall) -> bool:
    """A second head learns the token after the next, beside a loss in the same turn on the next ones."""
    beside = [one for one in loss_calls(facts.story) if one.event.loops == loss.event.loops]
    return any(
        one.target is not None and not shifts(one.target) and _already_next(one.target) for one in beside
    )


def _already_next(target: Value) -> bool:
    """Whether a target is the next tokens as its data set gives them: the second part of a batch."""
    return any(gives_next(one) and not _is_window(one, into) for one, into in behind(target))


def _is_window(value: Value, into: Op | None) -> bool:
    """The first part of a batch: x of `for x, y in loader`, of `for i, (x, y) in ...`, or `batch[0]`."""
    op = value.op if isinstance(value, Term) else None
    if op is None or op.node is None or len(op.inputs) < 2 or not isinstance(op.inputs[1], Const):
        return False
    bound = [one for one in ast.walk(op.node) if isinstance(one, ast.Name)]
    inner = [one for one in ast.walk(op.node) if isinstance(one, ast.Tuple)][-1:]
    if inner:
        return inner[0].elts[0] in bound[op.inputs[1].value : op.inputs[1].value + 1]
    part = into.inputs[1] if into is not None and into.path == "[]" and len(into.inputs) > 1 else None
    return isinstance(part, Const) and part.value == 0


def gives_next(value: Value) -> bool:
    """A batch from a data set of the source whose `__getitem__` returns a window and the next one."""
    op = value.op if isinstance(value, Term) else None
    if op is None or op.path != "batch":
        return False
    for loader in unwrapped(op.inputs[0]):
        data = whole_of(argument(loader, "dataset", 0)) if isinstance(loader, Made) else None
        method = class_attribute(data.cls, "__getitem__") if isinstance(data, Obj) and data.cls else None
        body = ast.walk(method.node) if isinstance(method, Func) else ()
        returned = [one.value for one in body if isinstance(one, ast.Return)]
        for given in returned:
            parts = given.elts if isinstance(given, ast.Tuple) and len(given.elts) == 2 else []
            cuts = [ast.unparse(one.slice).strip("()") for one in parts if isinstance(one, ast.Subscript)]
            if cuts and (NEXT.search(cuts[-1]) or cuts == [":-1", "1:"]):
                return True
    return False


def _is_slice(value: Term) -> bool:
    return value.op is not None and value.op.path == "[]" and isinstance(value.op.node, ast.Subscript)


def _problem(line: int, why: str, current: str, better: str) -> Problem:
    return Problem(
        issue="Labels are shifted twice: each position learns the token after the next",
        current=current,
        recommended=better,
        evidence=f"line {line}: {why}",
        line=line,
        fix=f"loss = model(ids, {better}).loss" if better.startswith("labels") else better,
    )


RULE = Rule("double-label-shift", Severity.CRITICAL, check)

"""The weights of a layer all start at the same value.

What it does
Looks for `constant_`, `ones_` and `fill_` on the weights of Linear and convolution layers, directly or in a
function that is applied to all modules, and for `zeros_` on more than one of them. Among live objects,
looks for such weights whose values are all equal. Biases, normalisation layers, and a single zeroed layer
(the last of a residual branch, a head that starts at zero, LoRA's B) are left alone.

Why it hurts
Units with the same weights get the same gradient and stay the same for ever: a layer of 256 units learns
what one unit learns. All zeros let no gradient pass.

Bad
```python
from torch import nn

model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 2))
for layer in (model[0], model[2]):
    nn.init.constant_(layer.weight, 0.1)
```

Good
```python
from torch import nn

model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 2))
for layer in (model[0], model[2]):
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
```

When to ignore
The layer has one unit, or its weights are loaded afterwards.

Source: Goodfellow et al., "Deep Learning" (2016), section 8.4, on breaking symmetry; SageMaker Debugger's
rule PoorWeightInitialization.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.feeds import path_behind, unwrapped
from nbtrain.notebook.live import modules_of
from nbtrain.notebook.symbolic.library import category
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.values import Const, Made, Member, Ref, Term, Value, options
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

SAME = ("init.constant_", "init.ones_", "init.zeros_", "init.constant", ".fill_", ".zero_")
LAYERS = ("conv", "linear", "dense")
LIVE_LAYERS = frozenset({"Linear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose2d", "ConvTranspose1d"})


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    zeroed: list[tuple[Event, str]] = []
    for event in facts.story.calls("constant_", "ones_", "zeros_", ".fill_", ".zero_"):
        if not event.data["path"].endswith(SAME):
            continue
        for layer in _layers(event):
            if not _is_zero(event):
                yield _problem(event, layer)
                break
            zeroed.append((event, layer))
    distinct = {layer for _, layer in zeroed}
    if len(distinct) > 1 or "every layer" in distinct:
        yield _problem(*zeroed[0])
    yield from _live(facts)


def _layers(event: Event) -> list[str]:
    """The layers whose weight the call sets, by place; "every layer" in a function for all modules."""
    method = isinstance(event.subject, Member)
    target = event.subject.owner if method else next(iter(event.data["args"]), None)  # type: ignore[attr-defined]
    found = []
    for one in options(target) if target is not None else ():
        if isinstance(one, Member) and one.attr == "data":
            one = one.owner
        if _any_parameter(one) and not _asks_for_vectors(event):
            found.append("every layer")
        for part in options(one):
            if isinstance(part, Member) and part.attr == "weight":
                found += [name for owner in options(part.owner) if (name := _layer(event, owner))]
    return found


def _any_parameter(value: Value) -> bool:
    """Each of `model.parameters()` in turn."""
    op = value.op if isinstance(value, Term) else None
    if op is None or op.path != "batch" or not op.inputs:
        return False
    source = next(iter(unwrapped(op.inputs[0])), None)
    named = path_behind(source).endswith("named_parameters") if source is not None else False
    return named or (isinstance(source, Term) and source.source is not None)


def _asks_for_vectors(event: Event) -> bool:
    """A condition around speaks of biases, normalisation or dimensions."""
    for guard in event.guards:
        for one, _ in behind(guard.condition) if guard.condition is not None else ():
            text = (str(one.value) if isinstance(one, Const) else path_behind(one)).lower()
            if any(word in text for word in ("bias", "norm", "dim", "shape")) or (
                not guard.holds and "weight" in text
            ):
                return True
    return False


def _layer(event: Event, owner: Value) -> str:
    if isinstance(owner, Made):
        units = (
            owner.args[1]
            if len(owner.args) > 1
            else owner.kwargs.get("out_features") or owner.kwargs.get("out_channels")
        )
        single = isinstance(units, Const) and units.value == 1
        return (
            f"the layer of line {owner.node.lineno}"
            if category(owner.path) == "weighted" and not single
            else ""
        )
    if isinstance(owner, Const | Ref):
        return ""
    return "every layer" if _asks_for_layers(event) else ""


def _asks_for_layers(event: Event) -> bool:
    """Whether the conditions around ask for linear or convolution layers: `isinstance(m, nn.Linear)`."""
    asked = False
    for guard in event.guards:
        if guard.condition is None or not guard.holds:
            continue
        for one, _ in behind(guard.condition):
            text = one.path if isinstance(one, Ref) else str(one.value) if isinstance(one, Const) else ""
            picks = isinstance(one, Const) and isinstance(one.value, str) and not _is_kind(text)
            if "norm" in text.lower() or picks:
                return False  # normalisation layers, or one layer by its name: `name.startswith("head")`
            asked = asked or any(word in text.lower() for word in LAYERS)
    return asked


def _is_kind(text: str) -> bool:
    """Whether a text speaks of a kind of layer, not of one layer's name."""
    return any(word in text.lower() for word in (*LAYERS, "weight"))


def _is_zero(event: Event) -> bool:
    tail = event.data["path"].rpartition(".")[2]
    if tail in ("zeros_", "zero_"):
        return True
    if tail == "ones_":
        return False
    given = [*event.data["args"][(0 if tail == "fill_" else 1) :], *event.data["kwargs"].values()]
    return bool(given) and isinstance(given[0], Const) and given[0].value == 0


def _problem(event: Event, layer: str) -> Problem:
    tail = event.data["path"].rpartition(".")[2]
    return Problem(
        issue=f"The weights of {layer} all start at one value: its units stay copies of each other",
        current=f"{tail} on a weight",
        recommended="kaiming_normal_ or xavier_uniform_, or PyTorch's own initialisation",
        evidence=f"`{tail}` on line {event.line} sets the weights of {layer}",
        line=event.line,
        fix='nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")',
    )


def _live(facts: ReviewFacts) -> Iterator[Problem]:
    for model in facts.held.models:
        same = []
        for module in modules_of(model.obj):
            weight = (vars(module).get("_parameters") or {}).get("weight")
            wide = (
                weight is not None
                and weight.dim() > 1
                and weight.shape[0] > 1
                and weight.device.type != "meta"
            )
            if wide and type(module).__name__ in LIVE_LAYERS:
                value = weight.detach().flatten()
                if bool((value == value[0]).all()):
                    same.append((type(module).__name__, float(value[0])))
        zeros = [one for one in same if one[1] == 0.0]
        if len(same) > len(zeros) or len(zeros) > 1:
            kind, value = same[0]
            yield Problem(
                issue=f"`{model.name}` has layers whose weights are all equal",
                current=f"{len(same)} such layers, the first a {kind} at {value:g}",
                recommended="kaiming_normal_ or xavier_uniform_, or PyTorch's own initialisation",
                evidence=f"live weights: every value of a {kind} is {value:g}",
                name=model.name,
                confidence=Confidence.CERTAIN,
                fix='nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")',
            )


RULE = Rule("constant-weight-init", Severity.CRITICAL, check)
